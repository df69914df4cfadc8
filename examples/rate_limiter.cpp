// SPDX-License-Identifier: MIT
// A token bucket: at most RATE requests a second, and BURST at once after a quiet time. The bucket
// is a bounded channel: taking a token is a receive, which waits while there is none; a ticker puts
// one in at a time and finds it full when nobody has taken any. There is no lock, and no arithmetic
// of times that could be wrong.
//
//     rate_limiter [REQUESTS [RATE [BURST]]]

#include <coir/coir.hpp>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

namespace {

struct token {};

class token_bucket {
public:
    /// Begins full.
    token_bucket(coir::clock::duration period, int burst) : tokens_(burst) {
        for (int i = 0; i < burst; ++i) std::ignore = tokens_.try_send(token{});
        refill_.go({.name = "refill"}, [period, tokens = tokens_] {
            coir::ticker every{period}; // one that is late loses ticks: it never makes up for them
            while (every.recv()) std::ignore = tokens.try_send(token{}); // full: nobody needs it
        });
    }

    /// Waits for a token. Whoever asks first gets one first. Cancellable, as every wait.
    void take() { std::ignore = tokens_.recv(); }

    /// A select case that takes a token, for those who would rather do something else than wait.
    template <typename Handler> auto on_token(Handler&& handler) const {
        return tokens_.on_recv(std::forward<Handler>(handler));
    }

private:
    coir::chan<token> tokens_;
    coir::task_group refill_; // the last member: its destructor ends the refill first
};

struct settings {
    int requests = 20;
    int rate = 100; // a second
    int burst = 5;
};

void run_requests(const settings& given) {
    const auto start = coir::clock::now();
    const auto since_start = [start] {
        return std::chrono::duration<double>(coir::clock::now() - start).count();
    };
    token_bucket bucket{std::chrono::duration_cast<coir::clock::duration>(std::chrono::seconds{1}) /
                            given.rate,
                        given.burst};

    // All of them ask at once; the bucket lets them through one by one.
    coir::synchronized<int> served{0};
    coir::wait_group clients;
    for (int i = 0; i < given.requests; ++i) {
        clients.go([&] {
            bucket.take();
            const auto count = served.lock();
            std::printf("request %d at %.6f s\n", ++*count, since_start());
        });
    }
    clients.wait();

    // One more, by somebody with no patience.
    coir::select(bucket.on_token([](auto) { std::puts("another one at once"); }),
                 coir::otherwise([] { std::puts("no token: the impatient one is turned away"); }));
}

std::optional<int> parse(const char* text) {
    int value = 0;
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || stop != end || value < 1 || value > 100'000) return std::nullopt;
    return value;
}

} // namespace

int main(int argc, char** argv) {
    const settings usual;
    const auto requests = argc > 1 ? parse(argv[1]) : usual.requests;
    const auto rate = argc > 2 ? parse(argv[2]) : usual.rate;
    const auto burst = argc > 3 ? parse(argv[3]) : usual.burst;
    if (argc > 4 || !requests || !rate || !burst) {
        std::fputs("usage: rate_limiter [REQUESTS [RATE [BURST]]]\n", stderr);
        return 2;
    }
    coir::run([given = settings{*requests, *rate, *burst}] { run_requests(given); });
    return 0;
}
