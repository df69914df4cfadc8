// SPDX-License-Identifier: MIT
// A token bucket: at most RATE requests a second, and BURST at once after a quiet time. The bucket
// is a bounded channel: taking a token is a receive, which waits while there is none; a ticker puts
// one in at a time and finds it full when nobody has taken any. There is no lock, and no arithmetic
// of times that could be wrong.
//
//     rate_limiter [REQUESTS [RATE [BURST]]]

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
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
    int requests;
    int rate; // a second
    int burst;
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

} // namespace

int main(int argc, char** argv) {
    const auto [requests, rate, burst] = command_line::numbers<int>(
        argc, argv, "rate_limiter [REQUESTS [RATE [BURST]]]", {20, 100, 5}, {.most = 100'000});
    coir::run([given = settings{requests, rate, burst}] { run_requests(given); });
    return 0;
}
