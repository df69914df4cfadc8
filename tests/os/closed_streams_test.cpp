// SPDX-License-Identifier: MIT
// Covers processes that were started without standard streams: nothing of coir's own takes their
// numbers, where it would meet what anybody prints.

#include "child_process.hpp"
#include "io_fixture.hpp"

#include <fcntl.h>

#include <csignal>

using namespace fixture;

namespace {

// Says by its exit status what has failed: no stream is there to print to.
void insist(bool condition, int line = __builtin_LINE()) {
    if (!condition) ::_exit(line % 250 + 1);
}

bool streams_are_closed() {
    for (const int fd : {0, 1, 2}) {
        if (::fcntl(fd, F_GETFD) >= 0) return false;
    }
    return true;
}

void use_everything() {
    insist(streams_are_closed()); // the pollers, and what ends their sleep
    {
        auto signals = coir::signals({SIGUSR1});
        insist(streams_are_closed());
        ::kill(::getpid(), SIGUSR1);
        insist(signals.recv() == SIGUSR1);
    }
    auto cat = coir::process::spawn(
        {"cat"}, {.standard_input = coir::stdio::piped, .standard_output = coir::stdio::piped});
    insist(streams_are_closed());
    cat.standard_input().write_all("through two pipes");
    cat.standard_input().close();
    std::string text(17, ' ');
    cat.standard_output().read_exactly(text);
    insist(text == "through two pipes");
    insist(cat.wait().success());
    std::ignore = coir::process::spawn({"sleep", "0.01"}); // dropped: to the reaper
    insist(streams_are_closed());

    // What the program opens may have these numbers, as everywhere: it works.
    auto [reader, writer] = coir::pipe();
    auto reading = coir::go([&] {
        std::string got(5, ' ');
        reader.read_exactly(got);
        return got;
    });
    coir::yield();
    writer.write_all("hello");
    insist(reading.join() == "hello");
    reader.close();
    writer.close();
    insist(streams_are_closed());
    insist(coir::blocking([] { return 42; }) == 42);
}

// A thread that waits for a descriptor and a channel at once.
void select_in_a_thread() {
    for (const int number : {0, 1, 2}) insist(::open("/dev/null", O_RDONLY | O_CLOEXEC) == number);
    auto [reader, writer] = coir::pipe();
    for (const int fd : {0, 1, 2}) ::close(fd);
    const coir::chan<int> ch;
    std::atomic<bool> received{false};
    std::thread thread{[&] {
        coir::select(reader.on_readable(), ch.on_recv([&](auto) { received.store(true); }));
        coir::select(reader.on_readable(), ch.on_recv());
    }};
    insist(ch.send(1)); // it waits, or is about to: its descriptor is there by the second time
    insist(ch.send(2));
    insist(streams_are_closed());
    thread.join();
    insist(received.load());
}

} // namespace

CHILD("uses everything without streams") {
    for (const int fd : {0, 1, 2}) ::close(fd);
    for (const int workers : {1, 2}) {
        coir::run(with_workers(workers), use_everything);
        insist(streams_are_closed());
    }
    coir::run(with_workers(1), select_in_a_thread);
    ::_exit(0);
}

TEST_CASE("with the streams closed no descriptor of coir's own is 0 or 1 or 2") {
    const temporary_folder folder;
    for (const char* const io : {"COIR_IO=uring", "COIR_IO=epoll"}) {
        INFO(io);
        const outcome ended = run_child("uses everything without streams", {io});
        CHECK(ended.status == 0); // else: the line that failed, plus one
        CHECK(ended.signal == 0);
    }
}

CHILD("writes a trace without streams") {
    // The environment is read when the first runtime begins.
    for (const int fd : {0, 1, 2}) ::close(fd);
    coir::run([] { insist(streams_are_closed()); });
    ::_exit(0);
}

TEST_CASE("neither does the file of COIR_TRACE have such a number") {
    const temporary_folder folder;
    const std::string file = folder / "trace.json";
    const outcome ended = run_child("writes a trace without streams", {"COIR_TRACE=" + file});
    CHECK(ended.status == 0);
    coir::run([&] { CHECK(coir::read_file(file).starts_with("[")); });
}
