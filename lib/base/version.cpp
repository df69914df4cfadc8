// SPDX-License-Identifier: MIT
#include <coir/version.hpp>

#define COIR_TEXT_OF(number) #number
#define COIR_TEXT(number) COIR_TEXT_OF(number)

namespace coir {

std::string_view version() noexcept {
    return COIR_TEXT(COIR_VERSION_MAJOR) "." COIR_TEXT(COIR_VERSION_MINOR) "." COIR_TEXT(
        COIR_VERSION_PATCH);
}

} // namespace coir
