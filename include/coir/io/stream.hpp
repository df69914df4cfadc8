// SPDX-License-Identifier: MIT
#pragma once
// Owns the verbs that all streams share.
//
// Every operation parks the coroutine, never the thread, and returns only when the kernel no longer
// holds its buffer. Each throws std::system_error and has a twin that takes a std::error_code&,
// which throws `cancelled` only. One coroutine may read while another writes, and any may close:
// what is under way then ends with std::errc::operation_canceled. On a closed handle:
// bad_file_descriptor.

#include <coir/io/bytes.hpp>
#include <coir/io/error.hpp>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <system_error>

namespace coir::detail {
struct handle_access;
} // namespace coir::detail

namespace coir::io {

/// `Stream` provides read_some, write_some (one attempt each, with an error_code), the same for
/// several buffers (read_parts; write_parts, which passes over so many bytes) and `describe`.
template <typename Stream> class stream_verbs {
public:
    /// Reads some bytes, at least one, waiting for them; returns how many. 0 is the end of the
    /// stream (or of an empty buffer).
    std::size_t read(buffer into) {
        return checked("read", [&](std::error_code& error) { return read(into, error); });
    }
    std::size_t read(buffer into, std::error_code& error) { return self().read_some(into, error); }

    /// Reads some bytes into several buffers, one after the other, by one call of the system where
    /// that has one (readv): there may be more to read although not all of them are full.
    std::size_t read(std::span<const buffer> into) {
        return checked("read", [&](std::error_code& error) { return read(into, error); });
    }
    std::size_t read(std::span<const buffer> into, std::error_code& error) {
        return self().read_parts(into, error);
    }
    std::size_t read(std::initializer_list<buffer> into) { return read(detail::span_of(into)); }
    std::size_t read(std::initializer_list<buffer> into, std::error_code& error) {
        return read(detail::span_of(into), error);
    }

    /// Writes some bytes, at least one unless `data` is empty; returns how many.
    std::size_t write(bytes data) {
        return checked("write", [&](std::error_code& error) { return write(data, error); });
    }
    std::size_t write(bytes data, std::error_code& error) { return self().write_some(data, error); }

    /// Writes some bytes of several parts, as if they were one (writev).
    std::size_t write(std::span<const bytes> parts) {
        return checked("write", [&](std::error_code& error) { return write(parts, error); });
    }
    std::size_t write(std::span<const bytes> parts, std::error_code& error) {
        return self().write_parts(parts, 0, error);
    }
    std::size_t write(std::initializer_list<bytes> parts) { return write(detail::span_of(parts)); }
    std::size_t write(std::initializer_list<bytes> parts, std::error_code& error) {
        return write(detail::span_of(parts), error);
    }

    /// Writes all of `data`. A cancellation may cut it between parts.
    void write_all(bytes data) {
        checked("write", [&](std::error_code& error) { return write_all(data, error); });
    }
    /// Returns how many bytes were written.
    std::size_t write_all(bytes data, std::error_code& error) {
        const auto* const begin = static_cast<const std::byte*>(data.data());
        std::size_t done = 0;
        error.clear();
        while (done < data.size() && !error) {
            done += self().write_some(bytes{begin + done, data.size() - done}, error);
        }
        return done;
    }

    /// Writes all of the parts, any number of them, without copying them together first.
    ///
    ///     s.write_all({head, "\r\n", body});
    void write_all(std::span<const bytes> parts) {
        checked("write", [&](std::error_code& error) { return write_all(parts, error); });
    }
    std::size_t write_all(std::span<const bytes> parts, std::error_code& error) {
        std::size_t done = 0;
        std::size_t of_first = 0;
        error.clear();
        while (!error) {
            for (; !parts.empty() && of_first >= parts.front().size(); parts = parts.subspan(1)) {
                of_first -= parts.front().size();
            }
            if (parts.empty()) break;
            const std::size_t more = self().write_parts(parts, of_first, error);
            done += more;
            of_first += more;
        }
        return done;
    }
    void write_all(std::initializer_list<bytes> parts) { write_all(detail::span_of(parts)); }
    std::size_t write_all(std::initializer_list<bytes> parts, std::error_code& error) {
        return write_all(detail::span_of(parts), error);
    }

    /// Reads until `into` is full; an earlier end of the stream is coir::errc::end_of_stream. A
    /// cancellation may cut it between parts.
    void read_exactly(buffer into) {
        checked("read", [&](std::error_code& error) { return read_exactly(into, error); });
    }
    /// Returns how many bytes were read.
    std::size_t read_exactly(buffer into, std::error_code& error) {
        auto* const begin = static_cast<std::byte*>(into.data());
        std::size_t done = 0;
        error.clear();
        while (done < into.size() && !error) {
            const std::size_t more =
                self().read_some(buffer{begin + done, into.size() - done}, error);
            if (more == 0 && !error) error = errc::end_of_stream;
            done += more;
        }
        return done;
    }

protected:
    /// Calls `operation(error)` and throws the error, with `verb` and the stream's name.
    template <typename Operation> auto checked(const char* verb, Operation&& operation) const {
        std::error_code error;
        const auto result = operation(error);
        if (error) throw std::system_error{error, static_cast<const Stream*>(this)->describe(verb)};
        return result;
    }

private:
    friend struct detail::handle_access;
    [[nodiscard]] std::string described(const char* verb) const {
        return static_cast<const Stream*>(this)->describe(verb);
    }
    Stream& self() noexcept { return static_cast<Stream&>(*this); }
};

} // namespace coir::io
