// SPDX-License-Identifier: MIT
#include <coir/io/error.hpp>

#include <string>

namespace coir {
namespace {

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "coir"; }
    [[nodiscard]] std::string message(int value) const override {
        return value == static_cast<int>(errc::end_of_stream) ? "End of stream" : "Unknown error";
    }
};

} // namespace

const std::error_category& io_category() noexcept {
    static const category only;
    return only;
}

} // namespace coir
