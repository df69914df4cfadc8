// SPDX-License-Identifier: MIT
// Covers what a coir without OpenSSL says to those who want TLS.

#include "net_fixture.hpp"

using namespace fixture;

TEST_CASE("without TLS connect and accept say so") {
    for_each_io([] {
        CHECK(!coir::tls_available());
        auto [client, server] = make_tcp_pair();
        CHECK(error_of([&] {
                  static_cast<void>(coir::tls_stream::connect(std::move(client), "localhost"));
              }) == std::errc::operation_not_supported);
        CHECK(error_of([&] {
                  static_cast<void>(coir::tls_stream::accept(std::move(server), {}));
              }) == std::errc::operation_not_supported);
        coir::tls_stream closed;
        CHECK(error_of([&] { closed.write_all("x"); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { coir::select(closed.on_readable()); }) ==
              std::errc::bad_file_descriptor);
    });
}
