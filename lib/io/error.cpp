// SPDX-License-Identifier: MIT
#include <coir/io/error.hpp>

#include <string>

namespace coir {
namespace {

class io_errors final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "coir"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
        case errc::end_of_stream: return "End of stream";
        case errc::stream_truncated: return "Stream truncated";
        }
        return "Unknown error";
    }
};

} // namespace

const std::error_category& io_category() noexcept {
    static const io_errors only;
    return only;
}

} // namespace coir
