// SPDX-License-Identifier: MIT
// Covers buffered_writer: what is gathered, and that nothing is lost, doubled or kept back.

#include "child_process.hpp"
#include "io_fixture.hpp"

#include <exception>
#include <vector>

using namespace fixture;

namespace {

/// Notes what is written, at most so many bytes a time; fails when told to.
struct scripted {
    std::size_t most = 1'000'000;
    std::error_code failure{};
    std::string all{};
    int calls = 0;
    bool closed = false;

    std::size_t write(coir::io::bytes data, std::error_code& error) {
        error = failure;
        if (error) return 0;
        ++calls;
        const std::size_t count = std::min(most, data.size());
        all.append(static_cast<const char*>(data.data()), count);
        return count;
    }
    std::size_t write(coir::io::bytes data) {
        std::error_code error;
        const std::size_t count = write(data, error);
        if (error) throw std::system_error{error, "write of the script"};
        return count;
    }
    void close() { closed = true; }
};

const auto broken = std::make_error_code(std::errc::broken_pipe);

} // namespace

TEST_CASE("small writes are gathered, large ones go through, all in their order") {
    scripted to;
    {
        coir::buffered_writer out{to, 10};
        out.write_all("one");
        out.write_all("two");
        CHECK(to.calls == 0);
        CHECK(out.buffered() == 6);
        out.write_all("three");
        CHECK(to.all == "onetwothre");
        CHECK(out.buffered() == 1);
        out.write_all("a long text that is more than it holds");
        out.flush();
        CHECK(to.all == "onetwothreea long text that is more than it holds");
        CHECK(out.buffered() == 0);
        const int before = to.calls;
        out.write_all("longer than the buffer");
        CHECK(to.calls == before + 1);
        out.flush();
        out.write_all("");
        CHECK(to.calls == before + 1);
        out.write_all("end");
    }
    CHECK(to.all.ends_with("end")); // the destructor flushes
}

TEST_CASE("short writes of the stream are continued") {
    const std::string text = pattern(10'000);
    for (const std::size_t most : {1U, 3U, 7U, 100U}) {
        scripted to{.most = most};
        {
            coir::buffered_writer out{to, 64};
            for (std::size_t at = 0, size = 0; at < text.size(); at += size) {
                size = std::min<std::size_t>(text.size() - at, at % 90 + 1);
                out.write_all(std::string_view{text}.substr(at, size));
            }
        }
        CHECK(to.all == text);
    }
}

TEST_CASE("what fails stays in the buffer, and is written once the stream takes it again") {
    scripted to;
    coir::buffered_writer out{to, 10};
    out.write_all("0123456");
    to.failure = broken;
    CHECK(error_of([&] { out.flush(); }) == broken);
    std::error_code error;
    out.flush(error);
    CHECK(error == broken);
    CHECK(out.write_all("789abc", error) == 3);
    CHECK(error == broken);
    CHECK(out.buffered() == 10);
    CHECK(error_of([&] { out.write_all("x"); }) == broken);
    CHECK(out.write("", error) == 0);
    CHECK(!error);
    to.failure = {};
    CHECK(out.write("abc", error) == 3);
    CHECK(!error);
    out.flush(error);
    CHECK(!error);
    CHECK(to.all == "0123456789abc");
}

TEST_CASE("an exception on its way drops what is held, close does so too") {
    scripted to;
    try {
        coir::buffered_writer out{to};
        out.write_all("half of a mess");
        throw std::runtime_error{"why"};
    } catch (const std::runtime_error&) {}
    CHECK(to.all.empty());
    {
        coir::buffered_writer out{std::move(to)};
        out.write_all("dropped");
        out.close();
        CHECK(out.buffered() == 0);
        CHECK(out.stream().closed);
        CHECK(out.stream().all.empty());
    }
    struct in_destructor { // somebody else's exception does not matter
        scripted& to;
        ~in_destructor() {
            coir::buffered_writer out{to};
            out.write_all("goodbye");
        }
    };
    scripted last;
    try {
        const in_destructor writes{last};
        throw std::runtime_error{"why"};
    } catch (const std::runtime_error&) {}
    CHECK(last.all == "goodbye");
}

CHILD("loses its last bytes") {
    scripted to{.failure = broken};
    coir::buffered_writer out{to};
    out.write_all("lost");
}

TEST_CASE("what the destructor cannot write is told on standard error") {
    const outcome ended = run_child("loses its last bytes");
    CHECK(ended.status == 0);
    CHECK(ended.says("its last 4 bytes: write of the script: Broken pipe"));
}

TEST_CASE("a flush that is cancelled loses no byte and doubles none") {
    for_each_io([] {
        const std::string text = pattern(400'000);
        auto [reader, writer] = coir::pipe();
        coir::buffered_writer out{writer, 100'000}; // more than a pipe holds
        auto reading = coir::go([&, in = std::move(reader)]() mutable {
            std::string got(text.size(), '\0');
            in.read_exactly(got);
            return got;
        });
        int cuts = 0;
        for (std::size_t at = 0; at < text.size();) {
            try {
                coir::with_timeout(std::chrono::microseconds{cuts % 300}, [&] {
                    while (at < text.size()) {
                        at += out.write(std::string_view{text}.substr(at, 9'999));
                        coir::yield();
                    }
                });
            } catch (const coir::timed_out&) {
                ++cuts;
            }
        }
        out.flush();
        CHECK(reading.join() == text);
    });
}

TEST_CASE("every kind of stream can be written through a buffer, and copied to") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string text = pattern(100'000);
        coir::write_file(folder / "from", text);
        {
            auto from = coir::file::open(folder / "from");
            coir::buffered_writer out{
                coir::file::open(folder / "to", coir::open_mode::write | coir::open_mode::create)};
            CHECK(coir::copy(from, out) == text.size());
        }
        CHECK(coir::read_file(folder / "to") == text);
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        auto server = listener.accept();
        {
            coir::buffered_writer out{client};
            for (int i = 0; i < 100; ++i) out.write_all(std::to_string(i) + "\n");
        }
        coir::buffered_reader in{server};
        for (int i = 0; i < 100; ++i) CHECK(in.read_line() == std::to_string(i));
    });
}
