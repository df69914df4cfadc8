// SPDX-License-Identifier: MIT
#pragma once
// Owns reading by lines and other delimiters.

#include <coir/detail/read_buffer.hpp>
#include <coir/io/bytes.hpp>
#include <coir/io/error.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace coir {

namespace io {

/// What can be read from: the streams of coir, and all that have the same verb.
template <typename T>
concept readable = requires(T& from, buffer into, std::error_code& error) {
    { from.read(into) } -> std::convertible_to<std::size_t>;
    { from.read(into, error) } -> std::convertible_to<std::size_t>;
};
template <typename T>
concept writable = requires(T& to, bytes data, std::error_code& error) {
    to.write_all(data);
    { to.write_all(data, error) } -> std::convertible_to<std::size_t>;
};

} // namespace io

/// Reads from a stream through a buffer. Made from an lvalue it uses that stream, which must
/// outlive it and may be written to meanwhile; made from an rvalue it owns it. For one coroutine at
/// a time. A read that is cancelled or fails loses nothing of what has come.
///
///     coir::buffered_reader in{stream};
///     while (std::optional<std::string> line = in.read_line()) stream.write_all(*line + "\n");
template <io::readable Stream> class buffered_reader {
public:
    /// The longest line that is read unless a call says another: 1 MiB.
    static constexpr std::size_t default_limit = std::size_t{1} << 20;

    /// Reads from a stream that must outlive the reader, or takes it over.
    explicit buffered_reader(Stream& from) noexcept : used_{&from} {}
    explicit buffered_reader(Stream&& from) : owned_{std::move(from)} {}

    /// Reads a line of at most `max` bytes and returns it without its LF or CRLF. The last line
    /// need not have one; nothing after it is an empty optional. A longer one is
    /// std::errc::message_size, with nothing consumed.
    std::optional<std::string> read_line(std::size_t max = default_limit) {
        return checked("read_line", [&](std::error_code& error) {
            return take_line(max, error, throwing_read());
        });
    }
    std::optional<std::string> read_line(std::error_code& error) {
        return read_line(default_limit, error);
    }
    std::optional<std::string> read_line(std::size_t max, std::error_code& error) {
        return take_line(max, error, checking_read(error));
    }

    /// As read_line, up to `delimiter`, which is consumed and not returned.
    std::optional<std::string> read_until(char delimiter, std::size_t max = default_limit) {
        return checked("read_until", [&](std::error_code& error) {
            return take_until(delimiter, max, error, throwing_read());
        });
    }
    std::optional<std::string> read_until(char delimiter, std::error_code& error) {
        return read_until(delimiter, default_limit, error);
    }
    std::optional<std::string> read_until(char delimiter, std::size_t max, std::error_code& error) {
        return take_until(delimiter, max, error, checking_read(error));
    }

    /// Reads some bytes, what the buffer holds first; 0 is the end of the stream.
    std::size_t read(io::buffer into) {
        return buffered() != 0 ? buffer_.take(into) : stream().read(into);
    }
    std::size_t read(io::buffer into, std::error_code& error) {
        error.clear();
        if (buffered() != 0) return buffer_.take(into);
        return stream().read(into, error);
    }

    /// Reads until `into` is full; an earlier end is coir::errc::end_of_stream.
    void read_exactly(io::buffer into) {
        checked("read", [&](std::error_code& error) {
            return fill(into, error, [&](io::buffer part) { return read(part); });
        });
    }
    /// Returns how many bytes were read.
    std::size_t read_exactly(io::buffer into, std::error_code& error) {
        return fill(into, error, [&](io::buffer part) { return read(part, error); });
    }

    /// How many bytes can be had without waiting.
    [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.held().size(); }
    [[nodiscard]] Stream& stream() noexcept { return owned_ ? *owned_ : *used_; }
    void close() noexcept { stream().close(); }

private:
    template <typename Operation> static auto checked(const char* verb, Operation&& operation) {
        std::error_code error;
        auto result = operation(error);
        if (error) throw std::system_error{error, verb};
        return result;
    }

    auto throwing_read() {
        return [this](io::buffer into) { return stream().read(into); }; // with all it can tell
    }
    auto checking_read(std::error_code& error) {
        return [this, &error](io::buffer into) { return stream().read(into, error); };
    }

    template <typename Read>
    std::size_t fill(io::buffer into, std::error_code& error, Read&& read_some) {
        auto* const begin = static_cast<std::byte*>(into.data());
        std::size_t done = 0;
        error.clear();
        while (done < into.size() && !error) {
            const std::size_t more = read_some(io::buffer{begin + done, into.size() - done});
            if (more == 0 && !error) error = errc::end_of_stream;
            done += more;
        }
        return done;
    }

    template <typename Read>
    std::optional<std::string> take_line(std::size_t max, std::error_code& error,
                                         Read&& read_more) {
        return find(max, error, read_more, [&](std::size_t& seen, std::string& out) {
            return buffer_.take_line(max, seen, out, error);
        });
    }
    template <typename Read>
    std::optional<std::string> take_until(char delimiter, std::size_t max, std::error_code& error,
                                          Read&& read_more) {
        return find(max, error, read_more, [&](std::size_t& seen, std::string& out) {
            return buffer_.take_until(delimiter, max, seen, out, error);
        });
    }

    // `take` looks into the buffer; as long as it finds nothing, more is read.
    template <typename Read, typename Take>
    std::optional<std::string> find(std::size_t max, std::error_code& error, Read&& read_more,
                                    Take&& take) {
        std::string found;
        std::size_t seen = 0;
        error.clear();
        while (take(seen, found) == detail::read_buffer::finding::incomplete) {
            const std::size_t more = read_more(buffer_.room());
            if (error) return std::nullopt;
            buffer_.add(more);
            if (more == 0) return rest(max, error);
        }
        if (error) return std::nullopt;
        return found;
    }

    std::optional<std::string> rest(std::size_t max, std::error_code& error) {
        if (buffered() == 0) return std::nullopt;
        if (buffered() > max) { // a CR that is no end of a line after all
            error = std::make_error_code(std::errc::message_size);
            return std::nullopt;
        }
        return buffer_.take_all();
    }

    std::optional<Stream> owned_;
    Stream* used_ = nullptr;
    detail::read_buffer buffer_;
};

} // namespace coir
