// SPDX-License-Identifier: MIT
// Compares buffered_reader with what a string would give, whatever pieces the stream comes in and
// whenever it fails.
//
// The input: how many bytes of it are the script, the script, the stream. If that number is odd the
// stream is repeated, so that it does not fit into the buffer's first memory.

#include "fuzz_input.hpp"

#include <coir/io/buffered_reader.hpp>

#include <algorithm>
#include <optional>
#include <string>

using fuzz::insist;

namespace {

/// Bytes that are used one by one, over and over.
class script {
public:
    explicit script(std::string_view steps) : steps_{steps} {}
    unsigned next() {
        if (steps_.empty()) return 1;
        return static_cast<unsigned char>(steps_[at_++ % steps_.size()]);
    }

private:
    std::string_view steps_;
    std::size_t at_ = 0;
};

/// Gives its text in pieces; between them it fails now and then.
struct stream {
    std::string_view text;
    script pieces;
    bool failed = false;

    std::size_t read(coir::io::buffer into, std::error_code& error) {
        error.clear();
        failed = false;
        if (into.size() == 0) return 0;
        const unsigned step = pieces.next() + 1;
        if (step % 16 == 15) {
            failed = true;
            error = std::make_error_code(std::errc::resource_unavailable_try_again);
            return 0;
        }
        const std::size_t count = std::min({into.size(), text.size(), std::size_t{step} * step});
        std::copy_n(text.data(), count, static_cast<char*>(into.data()));
        text.remove_prefix(count);
        return count;
    }
    std::size_t read(coir::io::buffer into) {
        std::error_code error;
        const std::size_t count = read(into, error);
        if (error) throw std::system_error{error};
        return count;
    }
};

/// What is left, and how it should come.
struct model {
    std::string_view left;

    void part(std::optional<std::string> got, const std::error_code& error, std::string_view wanted,
              std::size_t consumed, std::size_t most) {
        if (wanted.size() > most) {
            insist(error == std::errc::message_size, "too long is message_size");
            return;
        }
        insist(!error, "no error");
        insist(got.has_value() && *got == wanted, "the same text");
        left.remove_prefix(consumed);
    }

    void line(std::optional<std::string> got, const std::error_code& error, std::size_t most) {
        const std::size_t at = left.find('\n');
        if (at == std::string_view::npos) return rest(std::move(got), error, most);
        const bool has_return = at != 0 && left[at - 1] == '\r';
        part(std::move(got), error, left.substr(0, has_return ? at - 1 : at), at + 1, most);
    }
    void until(std::optional<std::string> got, char delimiter, const std::error_code& error,
               std::size_t most) {
        const std::size_t at = left.find(delimiter);
        if (at == std::string_view::npos) return rest(std::move(got), error, most);
        part(std::move(got), error, left.substr(0, at), at + 1, most);
    }
    void rest(std::optional<std::string> got, const std::error_code& error, std::size_t most) {
        if (left.empty()) return insist(!got && !error, "nothing after the end");
        part(std::move(got), error, left, left.size(), most);
    }
    void bytes(std::string_view got) {
        insist(left.starts_with(got), "the same bytes");
        left.remove_prefix(got.size());
    }
};

void read_some(coir::buffered_reader<stream>& in, model& expected, std::size_t size) {
    std::string into(size, '?');
    std::error_code error;
    const std::size_t count = in.read(into, error);
    if (count == 0 && !error) insist(size == 0 || expected.left.empty(), "0 is the end");
    expected.bytes(into.substr(0, count));
}

void read_exactly(coir::buffered_reader<stream>& in, model& expected, std::size_t size) {
    std::string into(size, '?');
    std::error_code error;
    const std::size_t count = in.read_exactly(into, error);
    if (!error) insist(count == size, "all of it");
    if (error == coir::errc::end_of_stream) insist(count == expected.left.size(), "to the end");
    expected.bytes(into.substr(0, count));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::as_text(data, size);
    if (input.empty()) return 0;
    const std::string_view steps = input.substr(1, static_cast<unsigned char>(input[0]));
    std::string text{input.substr(1 + steps.size())};
    if (input[0] % 2 != 0 && !text.empty()) {
        const std::string part = text;
        while (text.size() < 40'000) text += part;
    }
    stream from{text, script{steps}};
    coir::buffered_reader in{from};
    model expected{text};
    script calls{steps};
    // The last call finds nothing: it may not be the same that all the others were.
    for (int i = 0; i < 300; ++i) {
        const unsigned step = calls.next();
        const std::size_t most = step % 3 == 0 ? in.default_limit : step / 4;
        std::error_code error;
        from.failed = false;
        if (step % 4 == 0) {
            auto got = in.read_line(most, error);
            if (!from.failed) expected.line(std::move(got), error, most);
        } else if (step % 4 == 1) {
            const char delimiter = static_cast<char>(calls.next());
            auto got = in.read_until(delimiter, most, error);
            if (!from.failed) expected.until(std::move(got), delimiter, error, most);
        } else if (step % 4 == 2) {
            read_some(in, expected, step / 4);
        } else {
            read_exactly(in, expected, step / 4);
        }
        insist(in.buffered() + from.text.size() == expected.left.size(), "no byte is lost");
    }
    return 0;
}
