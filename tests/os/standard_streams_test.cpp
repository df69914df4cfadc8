// SPDX-License-Identifier: MIT
// Covers the standard streams, whatever they are: pipes, files, a terminal, a socket.
// Each piece is a process of its own whose streams a shell or python3 has laid out.

#include "child_process.hpp"
#include "io_fixture.hpp"

#include <fcntl.h>

using namespace fixture;

namespace {

const std::array<std::string, 2> setups{"COIR_IO=uring", "COIR_IO=epoll"};

/// A command that runs the CHILD of that name.
std::string child_command(const std::string& setup, const std::string& name) {
    return "env " + setup + " " + std::filesystem::read_symlink("/proc/self/exe").string() +
           " --no-skip --no-intro --no-version --out=/dev/null --test-case='child: " + name + "' ";
}

/// In a child whose streams are the matter itself: ends it with a line that spoils the test.
void insist(bool condition, int line = __builtin_LINE()) {
    if (condition) return;
    ::dprintf(1, "line %d of the child failed\n", line);
    ::dprintf(2, "line %d of the child failed\n", line);
    ::_exit(1);
}

int status_flags(int fd) { return ::fcntl(fd, F_GETFL); }

void copy_all() {
    auto in = coir::standard_input();
    auto out = coir::standard_output();
    std::array<char, 10'000> part;
    while (const std::size_t count = in.read(part)) {
        out.write_all(std::string_view{part.data(), count});
    }
}

} // namespace

CHILD("copies input to output") {
    const int input_flags = status_flags(0);
    const int output_flags = status_flags(1);
    coir::run([&] {
        copy_all();
        // Others share these open files: nothing may be set there.
        insist(status_flags(0) == input_flags);
        insist(status_flags(1) == output_flags);
    });
}

TEST_CASE("pipes and files in every combination come through unharmed") {
    const temporary_folder folder;
    const std::string data = pattern(2'000'000);
    coir::run([&] { coir::write_file(folder / "in", data); });
    const std::string sum = shell("sha256sum < " + folder / "in");
    for (const std::string& setup : setups) {
        const std::string copy = child_command(setup, "copies input to output");
        INFO(copy);
        CHECK(shell("cat " + folder / "in" + " | " + copy + " | sha256sum") == sum);
        CHECK(shell(copy + " < " + folder / "in" + " | sha256sum") == sum);
        CHECK(shell("cat " + folder / "in" + " | " + copy + " > " + folder / "out" +
                    " && sha256sum < " + folder / "out") == sum);
        CHECK(shell(copy + " < " + folder / "in" + " > " + folder / "out" + " && sha256sum < " +
                    folder / "out") == sum);
        CHECK(shell(copy + " < /dev/null | wc -c") == "0\n");
    }
}

TEST_CASE("a file is shared with the processes before and after, at one position") {
    const temporary_folder folder;
    for (const std::string& setup : setups) {
        const std::string copy = child_command(setup, "copies input to output");
        const std::string log = folder / "log";
        const std::string three = "(echo before; echo ours | " + copy + "; echo after)";
        CHECK(shell(three + " > " + log + " && cat " + log) == "before\nours\nafter\n");
        CHECK(shell(three + " >> " + log + " && cat " + log) ==
              "before\nours\nafter\nbefore\nours\nafter\n");
        // head leaves the position behind its line only in a file of which it may seek back.
        CHECK(shell("(read line; echo \"<$line>\"; " + copy + ") < " + log + " | head -3") ==
              "<before>\nours\nafter\n");
    }
}

CHILD("closes and goes on") {
    coir::run([] {
        auto out = coir::standard_output();
        out.write_all("one ");
        out.close();
        std::error_code error;
        out.write("lost", error);
        insist(error == std::errc::bad_file_descriptor);
        insist(status_flags(1) >= 0); // still open
        { const auto dropped = coir::standard_output(); }
        coir::standard_output().write_all("two ");
        coir::standard_error().write_all("error");
        auto in = coir::standard_input();
        in.close();
        auto again = coir::standard_input();
        std::array<char, 3> three;
        again.read_exactly(three);
        coir::standard_output().write_all(three);
    });
}
TEST_CASE("closing a handle leaves the descriptor open") {
    for (const std::string& setup : setups) {
        CHECK(shell("printf abc | " + child_command(setup, "closes and goes on") +
                    " 2>/dev/null") == "one two abc");
        CHECK(shell("printf abc | " + child_command(setup, "closes and goes on") +
                    " 2>&1 >/dev/null") == "error");
    }
}

CHILD("waits for input and is cut short") {
    coir::run([] {
        auto in = coir::standard_input();
        std::array<char, 5> buffer;
        insist(error_of([&] { coir::with_timeout(5ms, [&] { return in.read(buffer); }); }) ==
               std::errc::timed_out);
        insist(coir::select(in.on_readable(), coir::on_timeout(1ms)) == 1);
        auto reading = coir::go([&] { return error_of([&] { in.read(buffer); }); });
        coir::sleep_for(1ms);
        in.close();
        insist(reading.join() == std::errc::operation_canceled);
        coir::standard_output().write_all("go\n");
        auto again = coir::standard_input();
        insist(coir::select(again.on_readable(), coir::on_timeout(60s)) == 0);
        again.read_exactly(buffer); // nothing was lost
        coir::standard_output().write_all(buffer);
    });
}
TEST_CASE("a read of a pipe waits, is cut short, and loses nothing") {
    for (const std::string& setup : setups) {
        const temporary_folder folder;
        const std::string fifo = folder / "fifo";
        CHECK(shell("mkfifo " + fifo + "; " +
                    child_command(setup, "waits for input and is cut short") + " < " + fifo +
                    " | (exec 3> " + fifo + "; read line; printf hello >&3; cat)") == "hello");
    }
}

TEST_CASE("a terminal: lines are read, output is written, flags are left") {
    const temporary_folder folder;
    coir::run([&] {
        coir::write_file(folder / "terminal.py", R"(
import os, pty, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", "stty -echo -onlcr; echo ready; exec " + sys.argv[1]])
def read_until(wanted):
    got = b""
    while wanted not in got:
        try: got += os.read(fd, 1000)
        except OSError: sys.exit(f"it said {got} and ended with {os.waitpid(pid, 0)[1]}")
    return got.decode().strip()
read_until(b"ready")
for line in (b"first\n", b"second\n"):
    os.write(fd, line)
    print(read_until(line))
os.write(fd, b"\x04")
_, status = os.waitpid(pid, 0)
print(status)
)");
    });
    for (const std::string& setup : setups) {
        CHECK(shell("python3 " + folder / "terminal.py" + " \"" +
                    child_command(setup, "copies input to output") + "\"") == "first\nsecond\n0\n");
    }
}

TEST_CASE("a socket") {
    const temporary_folder folder;
    coir::run([&] {
        coir::write_file(folder / "through_socket.py", R"(
import socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(["sh", "-c", "exec " + sys.argv[1]], stdin=theirs, stdout=theirs)
theirs.close()
data = bytes(range(256)) * 1000
back = b""
import threading
threading.Thread(target=lambda: (ours.sendall(data), ours.shutdown(socket.SHUT_WR))).start()
while True:
    part = ours.recv(10000)
    if not part: break
    back += part
print(back == data, child.wait())
)");
    });
    for (const std::string& setup : setups) {
        CHECK(shell("python3 " + folder / "through_socket.py" + " \"" +
                    child_command(setup, "copies input to output") + "\"") == "True 0\n");
    }
}

TEST_CASE("a reader that has gone is an error, and a full disk too") {
    for (const std::string& setup : setups) {
        // The child's own exception ends it with a message of doctest; the point is: no SIGPIPE.
        CHECK(shell("(yes | " + child_command(setup, "copies input to output") +
                    "; echo status $? >&2) 2>&1 >/dev/full | tail -1") == "status 1\n");
        CHECK(shell("{ (" + child_command(setup, "writes for ever") +
                    "; echo status $? >&2) | head -c 10 >/dev/null; } 2>&1") == "status 0\n");
    }
}
CHILD("writes for ever") {
    coir::run([] {
        auto out = coir::standard_output();
        insist(error_of([&] {
                   for (;;) out.write_all("text\n");
               }) == std::errc::broken_pipe);
    });
}
