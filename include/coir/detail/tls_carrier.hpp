// SPDX-License-Identifier: MIT
#pragma once
// Owns what TLS asks of the stream that it goes over, whose type only templates know.

#include <coir/detail/config.hpp>
#include <coir/io/bytes.hpp>

#include <atomic>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coir {

class tcp_stream;
class unix_stream;
class tls_stream;

namespace io {

/// What TLS can go over: a stream of bytes in both directions, coir's own or any that has the same
/// verbs. read and write wait for some bytes and return how many, and are called at the same time
/// by two coroutines; read returns 0 at the end; close ends what waits in them.
template <typename T>
concept duplex = std::is_object_v<T> && std::move_constructible<T> &&
                 requires(T& stream, buffer into, bytes data, std::error_code& error) {
                     { stream.read(into, error) } -> std::convertible_to<std::size_t>;
                     { stream.write(data, error) } -> std::convertible_to<std::size_t>;
                     stream.close();
                 };

} // namespace io

namespace detail {

class descriptor;

/// A stream whose type is forgotten, and what a select needs to know of it.
class COIR_API tls_carrier {
public:
    tls_carrier() = default;
    tls_carrier(const tls_carrier&) = delete;
    tls_carrier& operator=(const tls_carrier&) = delete;
    virtual ~tls_carrier();

    virtual std::size_t read(io::buffer into, std::error_code& error) = 0;
    virtual std::size_t write(io::bytes data, std::error_code& error) = 0;
    virtual void close() noexcept = 0;
    [[nodiscard]] virtual bool is_open() const noexcept = 0;
    [[nodiscard]] virtual int native_handle() const noexcept;

    /// What becomes readable and writable with the stream; null: nobody knows what does.
    [[nodiscard]] virtual descriptor* source() const noexcept;
    /// Takes some of what has come, without waiting: how many bytes, 0 for the end (or an error
    /// that a read will tell of), or -errno, -EAGAIN where there is nothing. `fd` is that of
    /// `source`; below zero it is left alone: only what has been read from it already counts.
    [[nodiscard]] virtual int take(int fd, io::buffer into) noexcept;
    /// The connection at the bottom, if that is one of TCP.
    [[nodiscard]] virtual tcp_stream* tcp() noexcept;
};
using tls_carrier_pointer = std::unique_ptr<tls_carrier>;

/// A stream that is none of coir's.
template <typename Stream> class foreign_carrier final : public tls_carrier {
public:
    explicit foreign_carrier(Stream&& stream) : stream_{std::move(stream)} {}

    std::size_t read(io::buffer into, std::error_code& error) override {
        return stream_.read(into, error);
    }
    std::size_t write(io::bytes data, std::error_code& error) override {
        return stream_.write(data, error);
    }
    void close() noexcept override {
        closed_.store(true, std::memory_order_relaxed); // publishes nothing
        stream_.close();
    }
    [[nodiscard]] bool is_open() const noexcept override {
        return !closed_.load(std::memory_order_relaxed);
    }

private:
    Stream stream_;
    std::atomic<bool> closed_{false};
};

[[nodiscard]] COIR_API tls_carrier_pointer carry(tcp_stream&& over);
[[nodiscard]] COIR_API tls_carrier_pointer carry(unix_stream&& over);
[[nodiscard]] COIR_API tls_carrier_pointer carry(tls_stream&& over);
template <io::duplex Stream> [[nodiscard]] tls_carrier_pointer carry(Stream&& over) {
    return std::make_unique<foreign_carrier<Stream>>(std::forward<Stream>(over));
}

} // namespace detail
} // namespace coir
