// SPDX-License-Identifier: MIT
#include <coir/net/endpoint.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <stdexcept>

namespace coir {
namespace {

static_assert(sizeof(sockaddr_in6) == 28);

template <typename Address, std::size_t Size>
Address load(const std::array<std::byte, Size>& native) noexcept {
    Address address{};
    std::memcpy(&address, native.data(), sizeof address);
    return address;
}

// The zone of a link-local address, by the interface's name or number; 0 if there is none like it.
std::uint32_t parse_zone(std::string_view zone) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(zone.data(), zone.data() + zone.size(), number);
    if (error == std::errc{} && end == zone.data() + zone.size()) return number;
    return ::if_nametoindex(std::string{zone}.c_str());
}

} // namespace

endpoint::endpoint() noexcept {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(native_.data(), &v4, sizeof v4);
}

endpoint::endpoint(std::string_view address, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    const bool is_cut = address.find('\0') != std::string_view::npos; // what C would not see
    if (!is_cut && ::inet_pton(AF_INET, std::string{address}.c_str(), &v4.sin_addr) == 1) {
        std::memcpy(native_.data(), &v4, sizeof v4);
        return;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const std::size_t percent = address.find('%');
    const std::string plain{address.substr(0, percent)};
    if (percent != std::string_view::npos)
        v6.sin6_scope_id = parse_zone(address.substr(percent + 1));
    const bool zone_known = percent == std::string_view::npos || v6.sin6_scope_id != 0;
    if (is_cut || !zone_known || ::inet_pton(AF_INET6, plain.c_str(), &v6.sin6_addr) != 1) {
        throw std::invalid_argument{"coir::endpoint: not a numeric address: " +
                                    std::string{address}};
    }
    std::memcpy(native_.data(), &v6, sizeof v6);
}

endpoint endpoint::from_native(const void* address, std::size_t size) {
    sa_family_t family = 0;
    if (size >= sizeof(sockaddr)) {
        std::memcpy(&family, static_cast<const std::byte*>(address) + offsetof(sockaddr, sa_family),
                    sizeof family);
    }
    const std::size_t wanted = family == AF_INET    ? sizeof(sockaddr_in)
                               : family == AF_INET6 ? sizeof(sockaddr_in6)
                                                    : 0;
    if (wanted == 0 || size < wanted) {
        throw std::invalid_argument{"coir::endpoint: neither IPv4 nor IPv6"};
    }
    endpoint made;
    made.native_ = {};
    // Without the padding of a sockaddr_in, which may hold anything: equal addresses are equal.
    const std::size_t told = family == AF_INET ? offsetof(sockaddr_in, sin_zero) : wanted;
    std::memcpy(made.native_.data(), address, told);
    return made;
}

bool endpoint::is_v6() const noexcept { return load<sockaddr_in>(native_).sin_family == AF_INET6; }

std::uint32_t endpoint::native_size() const noexcept {
    return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

// sin_port and sin6_port lie at the same place.
std::uint16_t endpoint::port() const noexcept { return ntohs(load<sockaddr_in>(native_).sin_port); }

std::string endpoint::address() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (!is_v6()) {
        const auto v4 = load<sockaddr_in>(native_);
        return ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    }
    const auto v6 = load<sockaddr_in6>(native_);
    std::string address = ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    if (v6.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> name{};
        const bool named = ::if_indextoname(v6.sin6_scope_id, name.data()) != nullptr;
        address += '%' + (named ? std::string{name.data()} : std::to_string(v6.sin6_scope_id));
    }
    return address;
}

std::string endpoint::to_string() const {
    const std::string number = std::to_string(port());
    return is_v6() ? "[" + address() + "]:" + number : address() + ":" + number;
}

} // namespace coir
