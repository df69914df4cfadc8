// SPDX-License-Identifier: MIT
#include "debug/libdw.hpp"

#if COIR_HAS_LIBDW

#include <dlfcn.h>

namespace coir::detail {
namespace {

bool load(libdw& into) noexcept {
    void* const library = ::dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    bool complete = true;
#define COIR_FIND(name)                                                                            \
    into.name = reinterpret_cast<decltype(into.name)>(::dlsym(library, #name));                    \
    complete = complete && into.name != nullptr;
    COIR_LIBDW_FUNCTIONS(COIR_FIND)
#undef COIR_FIND
    return complete;
}

} // namespace

const libdw* libdw::instance() noexcept {
    static libdw functions;
    static const bool usable = load(functions);
    return usable ? &functions : nullptr;
}

} // namespace coir::detail

#endif
