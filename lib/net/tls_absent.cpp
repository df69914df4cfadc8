// SPDX-License-Identifier: MIT
#include "base/check.hpp"
#include "net/tls_core.hpp"

#include <string>

namespace coir {
namespace {

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "tls"; }
    [[nodiscard]] std::string message(int) const override { return "built without TLS"; }
};

[[noreturn]] void nothing_here() { detail::fatal("a TLS stream exists in a build without TLS"); }

} // namespace

bool tls_available() noexcept { return false; }

const std::error_category& tls_category() noexcept {
    static const category only;
    return only;
}

namespace detail {

struct tls_core {};
struct tls_shared {};

std::shared_ptr<tls_shared> tls_share(const tls_options&, std::error_code& error) {
    error = std::make_error_code(std::errc::operation_not_supported);
    return nullptr;
}
std::shared_ptr<tls_shared> tls_share(const tls_server_options&, std::error_code& error) {
    error = std::make_error_code(std::errc::operation_not_supported);
    return nullptr;
}
void tls_keep_sessions(tls_shared&) { nothing_here(); }
std::shared_ptr<tls_core> tls_connect(tls_carrier_pointer, const std::string&, const tls_shared*,
                                      std::error_code& error) {
    error = std::make_error_code(std::errc::operation_not_supported);
    return nullptr;
}
std::shared_ptr<tls_core> tls_accept(tls_carrier_pointer, const tls_shared*,
                                     std::error_code& error) {
    error = std::make_error_code(std::errc::operation_not_supported);
    return nullptr;
}

bool tls_has_data(tls_core*) { nothing_here(); }
int tls_fetch(tls_core*, int) noexcept { nothing_here(); }
int tls_ready_result(const tls_core*, int result) noexcept { return result; } // of a closed one
std::size_t tls_read(tls_core&, io::buffer, std::error_code&) { nothing_here(); }
std::size_t tls_write(tls_core&, io::bytes, std::error_code&) { nothing_here(); }
void tls_shutdown_write(tls_core&, std::error_code&) { nothing_here(); }
int tls_take(tls_core&, int, io::buffer) noexcept { nothing_here(); }
tls_carrier& tls_carrier_of(tls_core&) noexcept { nothing_here(); }
std::string tls_protocol(tls_core&) { nothing_here(); }
std::string tls_version(tls_core&) { nothing_here(); }
std::string tls_server_name(tls_core&) { nothing_here(); }
bool tls_resumed(tls_core&) { nothing_here(); }

} // namespace detail
} // namespace coir
