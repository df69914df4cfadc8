// SPDX-License-Identifier: MIT
// Covers SIGURG, with which coir asks its own threads for their stacks, as the program's signal.

#include "fixture.hpp"

#include <atomic>
#include <csignal>
#include <sstream>
#include <string>

using namespace fixture;

namespace {

std::atomic<int> own_calls{0};
void own_handler(int) { own_calls.fetch_add(1); }

/// A coroutine that computes until it is destroyed.
class spinner {
public:
    spinner()
        : task_{coir::go({.name = "spinner"}, [this] {
              started_.store(true);
              while (!stop_.load()) {}
          })} {
        while (!started_.load()) coir::yield();
    }
    spinner(const spinner&) = delete;
    ~spinner() {
        stop_.store(true);
        task_.join();
    }

private:
    std::atomic<bool> started_{false};
    std::atomic<bool> stop_{false};
    coir::task<void> task_;
};

/// Whether the stack of a coroutine that computes can be had. (TSan puts signals off to the next
/// system call.)
bool dump_shows_running_stack() {
    if (COIR_TSAN) return true;
    const spinner running;
    std::ostringstream out;
    coir::dump_tasks(out);
    const std::string text = out.str();
    const std::size_t at = text.find("\"spinner\"");
    const std::string part = text.substr(at, text.find("\n\n", at) - at);
    return part.find("running") != std::string::npos && part.find("spinner::") != std::string::npos;
}

void send() { CHECK(::kill(::getpid(), SIGURG) == 0); }

} // namespace

TEST_CASE("SIGURG is received while stacks are asked for by it, and neither is mistaken") {
    if (workers_are_imposed()) return; // somebody computes and somebody looks
    const auto before = std::signal(SIGURG, own_handler);
    coir::run(with_workers(2), [] {
        for (int round = 0; round < 3; ++round) { // the handlers come in either order
            auto first = coir::signals({SIGURG});
            CHECK(dump_shows_running_stack());
            send();
            CHECK(first.recv() == SIGURG);
            std::raise(SIGURG);
            CHECK(first.recv() == SIGURG);
            auto second = coir::signals({SIGURG, SIGUSR1});
            CHECK(dump_shows_running_stack());
            CHECK(first.size() == 0);
            CHECK(second.size() == 0);
            first = nullptr;
            CHECK(dump_shows_running_stack());
            send();
            CHECK(second.recv() == SIGURG);
            CHECK(second.size() == 0);
            second = nullptr;

            own_calls.store(0);
            CHECK(dump_shows_running_stack());
            CHECK(own_calls.load() == 0);
            send();
            while (own_calls.load() == 0) coir::yield();
            CHECK(own_calls.load() == 1);
        }
    });
    std::signal(SIGURG, before);
}

TEST_CASE("SIGURG that nobody receives is ignored before and after, whoever asked by it") {
    if (workers_are_imposed()) return;
    coir::run(with_workers(2), [] {
        for (int round = 0; round < 3; ++round) {
            { // a disposition that was default comes back, and with it our handler goes
                const auto rx = coir::signals({SIGURG});
                CHECK(dump_shows_running_stack());
            }
            send();
            CHECK(dump_shows_running_stack());
            send();
        }
    });
}
