// SPDX-License-Identifier: MIT
// Compares endpoint with inet_pton, and what it prints with what it reads.

#include "fuzz_input.hpp"

#include <coir/net/endpoint.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <optional>
#include <stdexcept>
#include <string>

using fuzz::insist;

namespace {

std::optional<coir::endpoint> parsed(std::string_view address, std::uint16_t port) {
    try {
        return coir::endpoint{address, port};
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
}

std::optional<coir::endpoint> taken(const void* native, std::size_t size) {
    try {
        return coir::endpoint::from_native(native, size);
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
}

bool is_numeric(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return false;
    in6_addr ignored{};
    const std::string all{text};
    return ::inet_pton(AF_INET, all.c_str(), &ignored) == 1 ||
           ::inet_pton(AF_INET6, all.substr(0, all.find('%')).c_str(), &ignored) == 1;
}

void reads_what_it_prints(const coir::endpoint& one) {
    const std::string address = one.address();
    const auto again = parsed(address, one.port());
    insist(again.has_value(), "what is printed can be read");
    insist(again->address() == address && again->port() == one.port(), "and is the same");
    const std::string number = ":" + std::to_string(one.port());
    insist(one.to_string() == (one.is_v6() ? "[" + address + "]" : address) + number, "both");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::as_text(data, size);
    const auto port = static_cast<std::uint16_t>(size * 257);
    const auto one = parsed(input, port);
    insist(!one || is_numeric(input), "only addresses are read");
    if (input.find('%') == std::string_view::npos) {
        insist(one.has_value() == is_numeric(input), "all addresses are read");
    }
    if (one) {
        reads_what_it_prints(*one);
        const auto same = taken(one->native(), one->native_size());
        insist(same.has_value() && *same == *one, "the kernel's form comes back");
        insist(!taken(one->native(), one->native_size() - 1), "a part of it does not");
        insist(*parsed(one->address(), port) == *one, "equal");
    }
    if (const auto native = taken(data, size)) {
        reads_what_it_prints(*native);
        const auto plain = parsed(native->address(), native->port());
        if (!native->is_v6()) insist(*plain == *native, "equal addresses compare equal");
    }
    return 0;
}
