// SPDX-License-Identifier: MIT
// Covers endpoint: what it reads, what it prints, what compares equal.

#include "fixture.hpp"

#include <netinet/in.h>

#include <cstring>
#include <stdexcept>
#include <string>

using coir::endpoint;
using namespace std::string_literals;

TEST_CASE("an address is printed as it was read, with the port") {
    CHECK(endpoint{"127.0.0.1", 80}.to_string() == "127.0.0.1:80");
    CHECK(endpoint{"::1", 65'535}.to_string() == "[::1]:65535");
    CHECK(endpoint{"2001:DB8:0::1", 0}.address() == "2001:db8::1");
    CHECK(endpoint{"::ffff:1.2.3.4", 1}.address() == "::ffff:1.2.3.4");
    CHECK(endpoint{"fe80::1%lo", 1}.address() == "fe80::1%lo");
    CHECK(endpoint{"fe80::1%1", 1} == endpoint{"fe80::1%lo", 1});
    CHECK(endpoint{}.to_string() == "0.0.0.0:0");
    CHECK(endpoint{"::1", 1} != endpoint{"::1", 2});
    CHECK(endpoint{"::1", 1}.is_v6());
}

TEST_CASE("what is no numeric address is refused, also if it begins like one") {
    for (const std::string& text :
         {""s, "localhost"s, "127.0.0.1 "s, "127.1"s, "127.0.0.1\0.example"s, "::1\0"s,
          "fe80::1\0%lo"s, "fe80::1%"s, "fe80::1%none"s, "fe80::1%0"s, "fe80::1%lo\0x"s, "%lo"s,
          "[::1]"s, "1.2.3.4%lo"s, "::1:80:"s}) {
        INFO(text);
        CHECK_THROWS_AS(endpoint(text, 1), std::invalid_argument);
    }
}

TEST_CASE("equal addresses are equal, whatever the padding of the kernel's form holds") {
    sockaddr_in native{};
    std::memset(&native, 0x5a, sizeof native);
    native.sin_family = AF_INET;
    native.sin_port = htons(80);
    native.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(endpoint::from_native(&native, sizeof native) == endpoint{"127.0.0.1", 80});
    CHECK_THROWS_AS(std::ignore = endpoint::from_native(&native, sizeof native - 1),
                    std::invalid_argument);
    native.sin_family = AF_UNIX;
    CHECK_THROWS_AS(std::ignore = endpoint::from_native(&native, sizeof native),
                    std::invalid_argument);
}
