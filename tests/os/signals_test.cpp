// SPDX-License-Identifier: MIT
// Covers signals as values of a channel.

#include "child_process.hpp"
#include "io_fixture.hpp"

#include <pthread.h>

#include <csignal>

using namespace fixture;

namespace {

std::atomic<int> own_calls{0};
void own_handler(int) { own_calls.fetch_add(1); }

using handler = void (*)(int);
handler disposition_of(int signal) {
    struct sigaction action{};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler;
}

void send(int signal) { CHECK(::kill(::getpid(), signal) == 0); }

} // namespace

TEST_CASE("what is sent arrives, by kill and by raise, in the order of sending") {
    for_each_io([] {
        auto rx = coir::signals({SIGUSR1, SIGUSR2, SIGTERM});
        for (const int signal : {SIGUSR2, SIGTERM, SIGUSR1, SIGUSR1}) {
            send(signal);
            CHECK(rx.recv() == signal);
            std::raise(signal); // to this worker, whichever it is
            CHECK(rx.recv() == signal);
            coir::yield();
        }
        std::raise(SIGUSR2);
        std::raise(SIGUSR1);
        CHECK(rx.recv() == SIGUSR2);
        CHECK(rx.recv() == SIGUSR1);
        CHECK(rx.size() == 0);
    });
}

TEST_CASE(
    "each receiver gets every signal, a copy shares them, none gets what it did not ask for") {
    for_each_io([] {
        auto both = coir::signals({SIGUSR1, SIGUSR2});
        auto one = coir::signals({SIGUSR1});
        const auto copy = one;
        send(SIGUSR1);
        CHECK(both.recv() == SIGUSR1);
        CHECK(copy.recv() == SIGUSR1);
        send(SIGUSR2);
        CHECK(both.recv() == SIGUSR2);
        CHECK(one.size() == 0);
    });
}

#if !COIR_TSAN // which holds handlers back and merges what comes meanwhile
TEST_CASE("none is dropped, however slow the receiver") {
    const int realtime = SIGRTMIN + 1; // the kernel queues these and merges the others
    for_each_io([&] {
        auto rx = coir::signals({realtime});
        auto second = coir::signals({realtime});
        constexpr int count = 2'000;
        for (int i = 0; i < count; ++i) send(realtime);
        for (int i = 0; i < count; ++i) {
            CHECK(rx.recv() == realtime);
            CHECK(second.recv() == realtime);
        }
        CHECK(rx.size() == 0);
    });
}
#endif

TEST_CASE("the old disposition returns with the last receiver") {
    const handler before = std::signal(SIGUSR1, own_handler);
    const handler ignored = std::signal(SIGUSR2, SIG_IGN);
    for_each_io([] {
        own_calls.store(0);
        auto first = coir::signals({SIGUSR1, SIGUSR2});
        {
            const auto second = coir::signals({SIGUSR1});
            const auto third = second;
            send(SIGUSR1);
            CHECK(third.recv() == SIGUSR1);
        }
        send(SIGUSR1);
        CHECK(first.recv() == SIGUSR1);
        CHECK(first.recv() == SIGUSR1);
        CHECK(own_calls.load() == 0);
        first = nullptr;
        CHECK((disposition_of(SIGUSR1) == own_handler));
        CHECK((disposition_of(SIGUSR2) == SIG_IGN));
        send(SIGUSR2);
        send(SIGUSR1);
        while (own_calls.load() == 0) coir::yield();
        // Closing ends it as well.
        auto closed = coir::signals({SIGUSR1});
        CHECK((disposition_of(SIGUSR1) != own_handler));
        closed.close();
        CHECK((disposition_of(SIGUSR1) == own_handler));
        CHECK(!closed.recv());
    });
    std::signal(SIGUSR1, before);
    std::signal(SIGUSR2, ignored);
}

TEST_CASE("the program's handlers of other signals run on its own threads all the while") {
    static std::atomic<pid_t> ran_on{0};
    const handler before = std::signal(SIGUSR2, [](int) { ran_on.store(::gettid()); });
    const pid_t main_thread = ::gettid();
    for_each_io([&] {
        auto rx = coir::signals({SIGUSR1});
        ran_on.store(0);
        send(SIGUSR2);
        while (ran_on.load() == 0) coir::yield();
        CHECK(ran_on.load() == main_thread);
        send(SIGUSR1);
        CHECK(rx.recv() == SIGUSR1);
    });
    std::signal(SIGUSR2, before);
}

TEST_CASE(
    "threads of the program, with the signal open or blocked, neither lose it nor die of it") {
    for (const bool blocked : {false, true}) {
        INFO("blocked = ", blocked);
        sigset_t usr1;
        sigset_t before;
        ::sigemptyset(&usr1);
        ::sigaddset(&usr1, SIGUSR1);
        ::pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &usr1, &before);
        std::atomic<bool> stop{false};
        std::thread plain{[&] { // inherits the mask
            while (!stop.load()) std::this_thread::yield();
        }};
        for_each_io([&] {
            auto rx = coir::signals({SIGUSR1});
            for (int i = 0; i < 20; ++i) {
                send(SIGUSR1);
                CHECK(rx.recv() == SIGUSR1);
            }
            if (blocked) return;
            ::pthread_kill(plain.native_handle(), SIGUSR1); // to that thread alone
            CHECK(rx.recv() == SIGUSR1);
        });
        stop.store(true);
        plain.join();
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
}

TEST_CASE("several runtimes, and threads without one") {
    const leak_check leaks;
    auto outside = coir::signals({SIGUSR1});
    coir::runtime one{{.workers = 1}};
    coir::runtime two{{.workers = 2, .io = coir::io_backend::epoll}};
    std::atomic<int> ready{0};
    const auto wait = [&] {
        auto rx = coir::signals({SIGUSR1});
        ready.fetch_add(1);
        return rx.recv().value_or(0);
    };
    auto first = one.go(wait);
    auto second = two.go(wait);
    while (ready.load() < 2) std::this_thread::yield();
    send(SIGUSR1);
    CHECK(first.join() == SIGUSR1);
    CHECK(second.join() == SIGUSR1);
    CHECK(outside.recv() == SIGUSR1);
}

// What workers are told of it is theirs to free, to the very end: AddressSanitizer looks.
TEST_CASE("receivers that come and go while runtimes end") {
    std::atomic<bool> stop{false};
    std::thread receivers{[&] {
        while (!stop.load()) std::ignore = coir::signals({SIGUSR1});
    }};
    for (int i = 0; i < 200; ++i) coir::runtime{{.workers = 2}}.go([] {}).join();
    stop.store(true);
    receivers.join();
}

TEST_CASE("a case of select") {
    for_each_io([] {
        auto rx = coir::signals({SIGUSR1});
        int got = 0;
        CHECK(coir::select(rx.on_recv(), coir::otherwise()) == 1);
        auto sender = coir::go([] { send(SIGUSR1); });
        CHECK(coir::select(rx.on_recv([&](std::optional<int> signal) { got = *signal; }),
                           coir::on_timeout(60s)) == 0);
        CHECK(got == SIGUSR1);
        sender.join();
    });
}

TEST_CASE("what cannot be received is refused, and nothing is changed by it") {
    for_each_io([] {
        for (const int signal : {SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, 0, -1, 65, 1000}) {
            CHECK(error_of([&] { std::ignore = coir::signals({SIGUSR1, signal}); }) ==
                  std::errc::invalid_argument);
        }
        CHECK((disposition_of(SIGUSR1) == SIG_DFL));
        const int of_the_c_library = 32;
        CHECK(error_of([&] { std::ignore = coir::signals({SIGUSR1, of_the_c_library}); }) ==
              std::errc::invalid_argument);
        CHECK((disposition_of(SIGUSR1) == SIG_DFL));
    });
}

TEST_CASE("receivers that come and go while signals arrive") {
    const handler before = std::signal(SIGUSR1, SIG_IGN); // for the moments in between
    for_each_io([] {
        coir::task_group group;
        std::atomic<bool> stop{false};
        group.go([&] {
            while (!stop.load()) {
                send(SIGUSR1);
                coir::yield();
            }
        });
        coir::task_group receivers;
        for (int member = 0; member < 4; ++member) {
            receivers.go([] {
                for (int i = 0; i < 50; ++i) {
                    auto rx = coir::signals({SIGUSR1});
                    CHECK(rx.recv() == SIGUSR1);
                }
            });
        }
        receivers.wait();
        stop.store(true);
        group.wait();
    });
    std::signal(SIGUSR1, before);
}

TEST_CASE(
    "children, forked and spawned, have the old dispositions; the parent hears only its own") {
    for_each_io([] {
        auto rx = coir::signals({SIGUSR1, SIGTERM});
        auto spawned = coir::process::spawn({"sleep", "1000"});
        spawned.kill(SIGTERM);
        CHECK(spawned.wait().signal() == SIGTERM);
        const pid_t forked = ::fork();
        if (forked == 0) {
            // This thread is a worker's, which has all else blocked: unblock, as a shell would.
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
            ::raise(SIGUSR1);
            ::_exit(0);
        }
        int status = 0;
        coir::blocking([&] { ::waitpid(forked, &status, 0); });
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGUSR1);
        CHECK(rx.size() == 0);
        send(SIGUSR1);
        CHECK(rx.recv() == SIGUSR1);
    });
}

CHILD("waits for a signal alone") {
    coir::run([] {
        auto rx = coir::signals({SIGTERM});
        auto late = coir::process::spawn(
            {"sh", "-c", "sleep 0.4; kill -TERM " + std::to_string(::getpid())});
        late = {}; // dropped: nothing but the signal can wake us
        std::printf("got %d\n", rx.recv().value_or(0));
    });
}
TEST_CASE("who waits for a signal alone is no deadlock; who waits without a receiver is") {
    CHECK(run_child("waits for a signal alone").prints("got 15"));
    const outcome stuck = run_child("waits after its receiver has gone");
    CHECK(stuck.status == 2);
    CHECK(stuck.says("deadlock"));
}
CHILD("waits after its receiver has gone") {
    coir::run([] {
        { const auto rx = coir::signals({SIGTERM}); }
        coir::select();
    });
}

CHILD("dies of the second") {
    coir::run([] {
        {
            auto rx = coir::signals({SIGTERM});
            send(SIGTERM);
            std::printf("got %d\n", rx.recv().value_or(0));
            std::fflush(stdout);
        }
        send(SIGTERM);
        coir::select();
    });
}
TEST_CASE("without a receiver the default is back: it ends the process") {
    const outcome result = run_child("dies of the second");
    CHECK(result.prints("got 15"));
    CHECK(result.signal == SIGTERM);
}

TEST_CASE("an interrupted program goes on: its own system calls are restarted") {
    for_each_io([] {
        auto rx = coir::signals({SIGUSR1});
        auto [reader, writer] = coir::pipe();
        std::array<char, 2> two;
        auto reading = coir::go([&] { reader.read_exactly(two); });
        auto blocking = coir::go([] { coir::blocking([] { ::usleep(20'000); }); });
        for (int i = 0; i < 100; ++i) {
            send(SIGUSR1);
            CHECK(rx.recv() == SIGUSR1);
        }
        writer.write_all("ok");
        reading.join();
        blocking.join();
        CHECK(std::string(two.data(), 2) == "ok");
    });
}
