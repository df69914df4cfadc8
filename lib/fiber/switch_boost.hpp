// SPDX-License-Identifier: MIT
#pragma once
// Owns the switch by Boost.Context: the portable twin of the native ones.

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace coir::detail {

using context_entry = void (*)(void* argument);

/// What a suspended flow keeps; its registers lie on its own stack.
struct machine_context {
    boost::context::detail::fcontext_t suspended = nullptr;
    context_entry entry = nullptr;
};

/// Travels with a jump, on the stack of the flow that leaves: jump_fcontext tells only the resumed
/// side where the other one was suspended, so that side stores it.
struct switch_message {
    machine_context* from;
    machine_context* to;
    void* argument;
};

/// Runs on a fresh stack; defined in assembly in context_entry.cpp, never called from C++.
extern "C" [[gnu::visibility("hidden")]] void
coir_context_entry(boost::context::detail::transfer_t transfer) noexcept;

inline void machine_make(machine_context& context, std::byte* bottom, std::byte* top,
                         context_entry entry) noexcept {
    context.suspended = boost::context::detail::make_fcontext(
        top, static_cast<std::size_t>(top - bottom), &coir_context_entry);
    context.entry = entry;
}

inline switch_message receive(boost::context::detail::transfer_t transfer) noexcept {
    const switch_message message = *static_cast<switch_message*>(transfer.data);
    message.from->suspended = transfer.fctx;
    return message;
}

inline void* machine_switch(machine_context& from, machine_context& to, void* argument) noexcept {
    switch_message message{&from, &to, argument};
    return receive(boost::context::detail::jump_fcontext(to.suspended, &message)).argument;
}

} // namespace coir::detail
