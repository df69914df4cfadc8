// SPDX-License-Identifier: MIT
// The client of the rows `echo_N`: keeps N connections to 127.0.0.1:PORT busy, each with one
// message of 64 bytes under way, and opens IDLE more that say nothing. A plain epoll loop, so that
// all servers face the same.
//
//     $ net_echo_load PORT SERVER_PID N SECONDS [IDLE]
//
// Prints `name number` lines: requests per second, CPU time of the server per request (all its
// threads, user and system, in microseconds), half and 99 % of the round trips (microseconds), and
// the server's resident bytes for each connection.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
using message = std::array<char, 64>;

struct connection {
    int fd = -1;
    std::size_t received = 0; // of the answer under way
    clock_type::time_point sent;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/// Returns once the server has accepted it and answered.
int connect_and_greet(std::uint16_t port) {
    const int fd = connect_to(port);
    message text{};
    if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) != ssize_t{text.size()}) fail("send");
    if (::recv(fd, text.data(), text.size(), MSG_WAITALL) != ssize_t{text.size()}) fail("recv");
    return fd;
}

/// Nanoseconds on a processor of all threads of `process`, as its scheduler counts them.
double cpu_time_ns(const std::string& process) {
    double all = 0;
    for (const auto& thread : std::filesystem::directory_iterator{"/proc/" + process + "/task"}) {
        double one = 0;
        std::ifstream{thread.path() / "schedstat"} >> one;
        all += one;
    }
    return all;
}

double resident_bytes(const std::string& process) {
    double total = 0;
    double resident = 0;
    std::ifstream{"/proc/" + process + "/statm"} >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

class load {
public:
    load(std::uint16_t port, std::size_t count) : connections_(count) {
        for (connection& one : connections_) {
            one.fd = connect_to(port);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = &one;
            ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &event);
        }
    }

    void start() {
        for (connection& one : connections_) send(one);
    }

    /// Goes on for `span` and remembers how long each round trip took.
    void run(std::chrono::nanoseconds span) {
        trips_.clear();
        const auto end = clock_type::now() + span;
        std::array<epoll_event, 256> events;
        while (clock_type::now() < end) {
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
            for (int i = 0; i < count; ++i) {
                receive(*static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr));
            }
        }
    }

    [[nodiscard]] std::vector<std::int64_t>& trips() { return trips_; }

private:
    void send(connection& to) {
        static const message text{};
        to.received = 0;
        to.sent = clock_type::now();
        if (::send(to.fd, text.data(), text.size(), MSG_NOSIGNAL) != ssize_t{text.size()}) {
            fail("send");
        }
    }

    void receive(connection& from) {
        message text;
        const ssize_t size = ::recv(from.fd, text.data(), text.size() - from.received, 0);
        if (size <= 0) fail("recv");
        from.received += static_cast<std::size_t>(size);
        if (from.received < text.size()) return;
        trips_.push_back((clock_type::now() - from.sent).count());
        send(from);
    }

    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<connection> connections_;
    std::vector<std::int64_t> trips_;
};

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

double microseconds_at(const std::vector<std::int64_t>& sorted, double rank) {
    const auto at = static_cast<std::size_t>(rank * static_cast<double>(sorted.size()));
    return static_cast<double>(sorted.at(std::min(at, sorted.size() - 1))) / 1e3;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: net_echo_load PORT SERVER_PID N SECONDS [IDLE]\n");
        return 2;
    }
    raise_descriptor_limit();
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    const std::string server = argv[2];
    const auto count = static_cast<std::size_t>(std::atoll(argv[3]));
    const double seconds = std::atof(argv[4]);
    const int idle = argc > 5 ? std::atoi(argv[5]) : 0;

    const double resident_before = resident_bytes(server);
    for (int i = 0; i < idle; ++i) connect_and_greet(port); // open until we end
    load clients{port, count};
    clients.start();
    clients.run(std::chrono::milliseconds{100}); // warm
    const double resident = resident_bytes(server) - resident_before;
    const double cpu_before = cpu_time_ns(server);
    const auto start = clock_type::now();
    clients.run(std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)});
    const std::chrono::duration<double> took = clock_type::now() - start;
    const double cpu_ns = cpu_time_ns(server) - cpu_before;

    auto& trips = clients.trips();
    std::sort(trips.begin(), trips.end());
    const auto requests = static_cast<double>(trips.size());
    std::printf("requests_per_s %.0f\n", requests / took.count());
    std::printf("cpu_us %.3f\n", cpu_ns / 1e3 / requests);
    std::printf("p50_us %.1f\n", microseconds_at(trips, 0.5));
    std::printf("p99_us %.1f\n", microseconds_at(trips, 0.99));
    std::printf("connection_bytes %.0f\n",
                resident / static_cast<double>(count + static_cast<std::size_t>(idle)));
    return 0;
}
