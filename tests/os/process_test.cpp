// SPDX-License-Identifier: MIT
// Covers what a child is started with: arguments, streams, variables, folder, signals.

#include "child_process.hpp"
#include "io_fixture.hpp"

#include <csignal>

using namespace fixture;
using coir::process;
using coir::stdio;

namespace {

std::string read_all(coir::pipe_reader& from) {
    std::string text;
    std::array<char, 4'096> part;
    while (const std::size_t count = from.read(part)) text.append(part.data(), count);
    return text;
}

std::string output_of(const std::vector<std::string>& argv, coir::process_options options = {}) {
    options.standard_output = stdio::piped;
    auto child = process::spawn(argv, options);
    std::string text = read_all(child.standard_output());
    const coir::exit_status status = child.wait();
    if (!status.success()) text += "[status " + std::to_string(status.code()) + "]";
    return text;
}

} // namespace

TEST_CASE("arguments arrive as they are") {
    for_each_io([] {
        CHECK(output_of({"printf", "%s|", "a b", "", "$HOME", "'q'", "*", "ä"}) ==
              "a b||$HOME|'q'|*|ä|");
        CHECK(output_of({"/bin/echo", "by", "path"}) == "by path\n");
    });
}

TEST_CASE("a child between two pipes: sort, cat and sha256sum as foreign counterparts") {
    const std::string data = pattern(3'000'000);
    for_each_io([&] {
        auto sort = process::spawn(
            {"sort"}, {.standard_input = stdio::piped, .standard_output = stdio::piped});
        sort.standard_input().write_all("b\nc\na\n");
        sort.standard_input().close();
        CHECK(read_all(sort.standard_output()) == "a\nb\nc\n");
        CHECK(sort.wait().success());
        auto cat = process::spawn(
            {"cat"}, {.standard_input = stdio::piped, .standard_output = stdio::piped});
        auto feeder = coir::go([&] {
            cat.standard_input().write_all(data); // far more than the pipes hold
            cat.standard_input().close();
        });
        CHECK(read_all(cat.standard_output()) == data);
        feeder.join();
        CHECK(cat.wait().success());
        auto sum = process::spawn(
            {"sha256sum"}, {.standard_input = stdio::piped, .standard_output = stdio::piped});
        sum.standard_input().write_all("abc");
        sum.standard_input().close();
        CHECK(read_all(sum.standard_output()) ==
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n");
        CHECK(sum.wait().success());
    });
}

TEST_CASE("standard error is a stream of its own; what is not piped is a closed handle") {
    for_each_io([] {
        auto child = process::spawn({"sh", "-c", "echo out; echo error >&2"},
                                    {.standard_input = stdio::null,
                                     .standard_output = stdio::piped,
                                     .standard_error = stdio::piped});
        CHECK(read_all(child.standard_output()) == "out\n");
        CHECK(read_all(child.standard_error()) == "error\n");
        CHECK(!child.standard_input());
        CHECK(error_of([&] { child.standard_input().write_all("x"); }) ==
              std::errc::bad_file_descriptor);
        CHECK(child.wait().success());
    });
}

TEST_CASE("null is empty to read and swallows what is written") {
    for_each_io([] {
        CHECK(output_of({"wc", "-c"}, {.standard_input = stdio::null}) == "0\n");
        auto child =
            process::spawn({"sh", "-c", "echo lost && echo lost >&2"},
                           {.standard_output = stdio::null, .standard_error = stdio::null});
        CHECK(child.wait().success());
    });
}

TEST_CASE("variables are added, replaced, or all there is") {
    ::setenv("COIR_TEST_KEPT", "kept", 1);
    ::setenv("COIR_TEST_OLD", "old", 1);
    for_each_io([] {
        const std::vector<std::string> print{"sh", "-c",
                                             "echo $COIR_TEST_KEPT $COIR_TEST_OLD $COIR_TEST_NEW"};
        CHECK(output_of(print, {.environment = {"COIR_TEST_OLD=other", "COIR_TEST_NEW=a=b"}}) ==
              "kept other a=b\n");
        CHECK(output_of({"/usr/bin/env"}, {.environment = {"ONLY=this", "EMPTY="},
                                           .clear_environment = true}) == "ONLY=this\nEMPTY=\n");
        CHECK(output_of({"/usr/bin/env"}, {.clear_environment = true}) == "");
        CHECK(output_of({"/usr/bin/env"},
                        {.environment = {"A=1", "A=2"}, .clear_environment = true}) == "A=2\n");
        for (const char* wrong : {"NO_VALUE", "=x"}) {
            CHECK(error_of([&] {
                      std::ignore = process::spawn({"true"}, {.environment = {wrong}});
                  }) == std::errc::invalid_argument);
        }
    });
    ::unsetenv("COIR_TEST_KEPT");
    ::unsetenv("COIR_TEST_OLD");
}

TEST_CASE("a child starts where it is told to") {
    const temporary_folder folder;
    for_each_io([&] {
        CHECK(output_of({"pwd"}, {.working_directory = folder.path()}) == folder.path() + "\n");
        CHECK(output_of({"pwd"}) == std::filesystem::current_path().string() + "\n");
    });
}

TEST_CASE("what cannot be executed is thrown by spawn, with its name and errno") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::write_file(folder / "plain", "no program");
        const auto error = [&](std::vector<std::string> argv, coir::process_options options = {}) {
            return error_of([&] { std::ignore = process::spawn(argv, options); });
        };
        CHECK(error({"coir-no-such-program"}) == std::errc::no_such_file_or_directory);
        CHECK(error({"/no/such/program"}) == std::errc::no_such_file_or_directory);
        CHECK(error({folder / "plain"}) == std::errc::permission_denied);
        CHECK(error({folder.path()}) == std::errc::permission_denied);
        CHECK(error({"true"}, {.working_directory = folder / "none"}) ==
              std::errc::no_such_file_or_directory);
        CHECK(error({}) == std::errc::invalid_argument);
        CHECK(error({""}) == std::errc::invalid_argument);
        CHECK(error({std::string("tr\0ue", 5)}) == std::errc::invalid_argument);
        CHECK(text_of([&] { std::ignore = process::spawn({"/no/such"}); }).find("spawn /no/such") ==
              0);
        std::error_code code;
        process none = process::spawn({"/no/such"}, {}, code);
        CHECK(code == std::errc::no_such_file_or_directory);
        CHECK(none.pid() == -1);
    });
}

TEST_CASE("children have the original signal mask and a default SIGPIPE") {
    // SigBlk and SigIgn of the child itself, as this program started with them.
    const std::string own = shell("grep -E 'SigBlk' /proc/self/status");
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    for_each_io([&] {
        CHECK(output_of({"grep", "-E", "SigBlk", "/proc/self/status"}) == own);
        const std::string ignored = output_of({"grep", "SigIgn", "/proc/self/status"});
        CHECK((std::stoull(ignored.substr(8), nullptr, 16) >> (SIGPIPE - 1) & 1) == 0);
        // Killed by it, as everywhere: `yes` does not look at its errors long.
        auto yes = process::spawn({"yes"}, {.standard_output = stdio::piped});
        std::array<char, 2> line;
        yes.standard_output().read_exactly(line);
        yes.standard_output().close();
        const coir::exit_status status = yes.wait();
        CHECK(status.signaled());
        CHECK(status.signal() == SIGPIPE);
    });
    std::signal(SIGPIPE, before);
}

TEST_CASE("children get no descriptor but their three streams, and these block") {
    for_each_io([] {
        auto kept_to_ourselves = coir::pipe();
        const auto file = coir::file::open("/dev/null");
        const auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        // Those that the program which runs the tests has left open are in `own` too.
        const std::string own = shell("ls /proc/self/fd");
        CHECK(output_of({"sh", "-c", "ls /proc/self/fd"}) == own);
        auto child = process::spawn(
            {"sh", "-c", "grep flags /proc/self/fdinfo/0; grep flags /proc/self/fdinfo/1"},
            {.standard_input = stdio::piped, .standard_output = stdio::piped});
        const std::string flags = read_all(child.standard_output());
        CHECK(flags == "flags:\t00\nflags:\t01\n"); // no O_NONBLOCK (04000)
        CHECK(child.wait().success());
    });
}

CHILD("spawns without streams of its own") {
    ::close(0);
    ::close(1);
    coir::run([] {
        auto child =
            process::spawn({"sh", "-c", "cat; echo error >&2"}, {.standard_input = stdio::piped,
                                                                 .standard_output = stdio::piped,
                                                                 .standard_error = stdio::piped});
        child.standard_input().write_all("out");
        child.standard_input().close();
        const std::string out = read_all(child.standard_output());
        const std::string error = read_all(child.standard_error());
        std::fprintf(stderr, "<%s|%s>", out.c_str(), error.c_str());
    });
}
TEST_CASE("a program without standard streams of its own can spawn") {
    for (const char* io : {"COIR_IO=uring", "COIR_IO=epoll"}) {
        CHECK(run_child("spawns without streams of its own", {io}).says("<out|error\n>"));
    }
}

TEST_CASE("a process group of its own") {
    for_each_io([] {
        auto child = process::spawn({"sh", "-c", "echo started; sleep 100 & wait"},
                                    {.standard_output = stdio::piped, .new_process_group = true});
        std::array<char, 8> line;
        child.standard_output().read_exactly(line);
        CHECK(::getpgid(child.pid()) == child.pid());
        CHECK(::kill(-child.pid(), SIGKILL) == 0);
        CHECK(child.wait().signal() == SIGKILL);
        CHECK(read_all(child.standard_output()) == ""); // the grandchild is gone, too
    });
}
