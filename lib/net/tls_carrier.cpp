// SPDX-License-Identifier: MIT
#include "net/socket.hpp"
#include "net/tls_core.hpp"

#include <coir/detail/tls_carrier.hpp>
#include <coir/net/tcp.hpp>
#include <coir/net/unix.hpp>

#include <sys/socket.h>

namespace coir::detail {

tls_carrier::~tls_carrier() = default;
int tls_carrier::native_handle() const noexcept { return -1; }
descriptor* tls_carrier::source() const noexcept { return nullptr; }
int tls_carrier::take(int, io::buffer) noexcept { return -EAGAIN; }
tcp_stream* tls_carrier::tcp() noexcept { return nullptr; }

namespace {

int receive_now(int fd, io::buffer into) noexcept {
    if (is_simulated(fd)) {
        return ask_simulation([&](simulated_sockets& sockets) {
            return sockets.receive(fd, into.data(), into.size());
        });
    }
    const ssize_t size = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EINTR ? -EAGAIN : -errno;
    return static_cast<int>(size);
}

template <typename Stream> class socket_carrier final : public tls_carrier {
public:
    explicit socket_carrier(Stream&& stream) noexcept : stream_{std::move(stream)} {}

    std::size_t read(io::buffer into, std::error_code& error) override {
        return stream_.read(into, error);
    }
    std::size_t write(io::bytes data, std::error_code& error) override {
        return stream_.write(data, error);
    }
    void close() noexcept override { stream_.close(); }
    [[nodiscard]] bool is_open() const noexcept override { return stream_.is_open(); }
    [[nodiscard]] int native_handle() const noexcept override { return stream_.native_handle(); }
    [[nodiscard]] descriptor* source() const noexcept override {
        return handle_access::descriptor_of(stream_);
    }
    [[nodiscard]] int take(int fd, io::buffer into) noexcept override {
        return fd >= 0 ? receive_now(fd, into) : -EAGAIN;
    }
    [[nodiscard]] tcp_stream* tcp() noexcept override {
        if constexpr (std::same_as<Stream, tcp_stream>) {
            return &stream_;
        } else {
            return nullptr;
        }
    }

private:
    Stream stream_;
};

/// A TLS stream, whose own carrier knows the rest.
class nested_carrier final : public tls_carrier {
public:
    explicit nested_carrier(tls_stream&& stream) noexcept : stream_{std::move(stream)} {}

    std::size_t read(io::buffer into, std::error_code& error) override {
        return stream_.read(into, error);
    }
    std::size_t write(io::bytes data, std::error_code& error) override {
        return stream_.write(data, error);
    }
    void close() noexcept override { stream_.close(); }
    [[nodiscard]] bool is_open() const noexcept override { return stream_.is_open(); }
    [[nodiscard]] int native_handle() const noexcept override { return stream_.native_handle(); }
    [[nodiscard]] descriptor* source() const noexcept override { return tls_descriptor(core()); }
    [[nodiscard]] int take(int fd, io::buffer into) noexcept override {
        return core() != nullptr ? tls_take(*core(), fd, into) : -EBADF;
    }
    [[nodiscard]] tcp_stream* tcp() noexcept override {
        return core() != nullptr ? tls_carrier_of(*core()).tcp() : nullptr;
    }

private:
    [[nodiscard]] tls_core* core() const noexcept { return tls_access::core_of(stream_); }

    tls_stream stream_;
};

} // namespace

tls_carrier_pointer carry(tcp_stream&& over) {
    return std::make_unique<socket_carrier<tcp_stream>>(std::move(over));
}
tls_carrier_pointer carry(unix_stream&& over) {
    return std::make_unique<socket_carrier<unix_stream>>(std::move(over));
}
tls_carrier_pointer carry(tls_stream&& over) {
    return std::make_unique<nested_carrier>(std::move(over));
}

} // namespace coir::detail
