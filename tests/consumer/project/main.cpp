// SPDX-License-Identifier: MIT
// A user's program: no more than it takes to need all of the library, and what a wrong build would
// break: exceptions that cross its border, templates over its cores, coroutines that change
// threads.

#include <coir/coir.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

int sum_by_channel() {
    auto [sender, receiver] = coir::channel<int>(4);
    coir::task<void> producer = coir::go([sender = std::move(sender)] {
        for (int number = 1; number <= 10; ++number) {
            if (!sender.send(number)) {
                return;
            }
        }
    });
    int sum = 0;
    for (const int number : receiver) {
        sum += number;
    }
    producer.join();
    return sum;
}

const char* cut_short() {
    const coir::chan<int> never;
    try {
        coir::with_timeout(1ms, [&] { static_cast<void>(never.recv()); });
    } catch (const std::system_error& error) {
        return error.code() == std::errc::timed_out ? "timed out" : "another error";
    }
    return "not cut short";
}

const char* cancel() {
    const coir::chan<int> never;
    coir::task<void> waits = coir::go([&] { static_cast<void>(never.recv()); });
    waits.request_stop();
    try {
        waits.join();
    } catch (const coir::task_cancelled&) {
        return "cancelled";
    }
    return "not cancelled";
}

const char* send_to_nobody() {
    const coir::chan<int> closed;
    closed.close();
    std::vector<coir::select_case> cases;
    cases.emplace_back(closed.on_send(1));
    try {
        coir::select(cases);
    } catch (const std::logic_error&) {
        return "closed";
    }
    return "sent";
}

std::string through_a_socket(std::string_view text) {
    coir::tcp_listener listener = coir::tcp_listener::bind("127.0.0.1", 0);
    coir::task<void> writer = coir::go([&] {
        coir::tcp_stream::connect("127.0.0.1", listener.local_endpoint().port()).write_all(text);
    });
    coir::tcp_stream stream = listener.accept();
    std::string received(text.size(), ' ');
    stream.read_exactly(received);
    writer.join();
    return received;
}

/// What a thread-local that the compiler keeps across a wait would break.
int add_up_on_many_threads() {
    std::vector<int> rounds(32, 500);
    const std::vector<int> turns = coir::map(rounds, [](int count) {
        int done = 0;
        for (; done < count; ++done) {
            coir::yield();
        }
        return done;
    });
    int sum = 0;
    for (const int count : turns) {
        sum += count;
    }
    return sum + coir::blocking([] { return 1; });
}

} // namespace

int main() {
    return coir::run({.workers = 4}, [] {
        const std::string_view version = coir::version();
        std::printf("coir %.*s\n", static_cast<int>(version.size()), version.data());
        std::printf("sum %d\n", sum_by_channel());
        std::printf("%s, %s, %s\n", cut_short(), cancel(), send_to_nobody());
        std::printf("%s\n", through_a_socket("a socket").c_str());
        std::printf("turns %d\n", add_up_on_many_threads());
        return 0;
    });
}
