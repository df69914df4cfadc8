// SPDX-License-Identifier: MIT
#pragma once
// Owns gathering small writes into large ones.

#include <coir/detail/config.hpp>
#include <coir/io/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace coir {

namespace io {

/// What takes some bytes at a time: the streams of coir, and all that have the same verb.
template <typename T>
concept writes_some = requires(T& to, bytes data, std::error_code& error) {
    { to.write(data) } -> std::convertible_to<std::size_t>;
    { to.write(data, error) } -> std::convertible_to<std::size_t>;
};

} // namespace io

namespace detail {
/// One line on standard error.
COIR_API void report_unwritten(std::size_t bytes, const char* reason) noexcept;
} // namespace detail

/// Writes to a stream through a buffer. Made from an lvalue it uses that stream, which must outlive
/// it and may be read from meanwhile; made from an rvalue it owns it. For one coroutine at a time.
/// A write or flush that is cancelled or fails loses nothing and doubles nothing: what the stream
/// has not taken stays in the buffer, for the next flush.
///
/// The end of its life flushes, but for an exception on its way, which then tells that not all was
/// written. What a flush by the destructor cannot write is lost, with a line on standard error: to
/// learn of it, flush before.
///
///     coir::buffered_writer out{stream};
///     for (const auto& [name, value] : headers) out.write_all(name + ": " + value + "\r\n");
///     out.flush();
template <io::writes_some Stream> class buffered_writer {
public:
    /// How many bytes it holds unless told otherwise.
    static constexpr std::size_t default_size = std::size_t{16} * 1024;

    /// Writes to a stream that must outlive the writer, or takes it over; holds `size` bytes.
    explicit buffered_writer(Stream& to, std::size_t size = default_size)
        : used_{&to}, size_{size != 0 ? size : 1} {}
    explicit buffered_writer(Stream&& to, std::size_t size = default_size)
        : owned_{std::move(to)}, size_{size != 0 ? size : 1} {}
    buffered_writer(const buffered_writer&) = delete;
    buffered_writer& operator=(const buffered_writer&) = delete;
    ~buffered_writer() { finish(); }

    /// Takes some bytes, at least one unless `data` is empty; returns how many. Waits only when the
    /// buffer is full.
    std::size_t write(io::bytes data) {
        return put(data, [this](io::bytes part) { return stream().write(part); });
    }
    std::size_t write(io::bytes data, std::error_code& error) {
        error.clear();
        return put(data, [&](io::bytes part) {
            return error ? std::size_t{0} : stream().write(part, error);
        });
    }

    /// Takes all of `data`.
    void write_all(io::bytes data) {
        for (std::size_t done = 0; done < data.size();) done += write(behind(data, done));
    }
    /// Returns how many bytes were taken.
    std::size_t write_all(io::bytes data, std::error_code& error) {
        std::size_t done = 0;
        error.clear();
        while (done < data.size() && !error) done += write(behind(data, done), error);
        return done;
    }

    /// Writes all that is held to the stream.
    void flush() {
        while (buffered() != 0) begin_ += stream().write(held());
        begin_ = end_ = 0;
    }
    void flush(std::error_code& error) {
        error.clear();
        while (buffered() != 0 && !error) begin_ += stream().write(held(), error);
        if (!error) begin_ = end_ = 0;
    }

    /// How many bytes are held.
    [[nodiscard]] std::size_t buffered() const noexcept { return end_ - begin_; }
    [[nodiscard]] Stream& stream() noexcept { return owned_ ? *owned_ : *used_; }
    /// Closes the stream; what has not been flushed is dropped.
    void close() noexcept {
        begin_ = end_ = 0;
        stream().close();
    }

private:
    static io::bytes behind(io::bytes data, std::size_t done) noexcept {
        return {static_cast<const std::byte*>(data.data()) + done, data.size() - done};
    }
    [[nodiscard]] io::bytes held() const noexcept { return {memory_.get() + begin_, buffered()}; }

    template <typename Write> std::size_t put(io::bytes data, Write&& write_some) {
        if (buffered() == 0) {
            begin_ = end_ = 0;
            if (data.size() >= size_) return write_some(data); // nothing to gather
        }
        if (end_ == size_ && data.size() != 0) {
            begin_ += write_some(held());
            make_room();
        }
        const std::size_t room = size_ - end_;
        const std::size_t count = data.size() < room ? data.size() : room;
        if (count == 0) return 0;
        if (memory_ == nullptr) memory_ = std::make_unique_for_overwrite<std::byte[]>(size_);
        std::memcpy(memory_.get() + end_, data.data(), count);
        end_ += count;
        return count;
    }

    void make_room() noexcept {
        if (begin_ == 0) return;
        std::memmove(memory_.get(), memory_.get() + begin_, buffered());
        end_ -= begin_;
        begin_ = 0;
    }

    void finish() noexcept {
        if (buffered() == 0 || std::uncaught_exceptions() > exceptions_) return;
        try {
            flush();
        } catch (const std::exception& failed) {
            detail::report_unwritten(buffered(), failed.what());
        } catch (...) { // cancelled, at the first wait
            detail::report_unwritten(buffered(), "cancelled");
        }
    }

    std::optional<Stream> owned_;
    Stream* used_ = nullptr;
    const std::size_t size_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    const int exceptions_ = std::uncaught_exceptions();
};

} // namespace coir
