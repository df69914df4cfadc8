// SPDX-License-Identifier: MIT
#include "debug/registers.hpp"

#include <ucontext.h>

#include <cstring>

namespace coir::detail {

#if COIR_SWITCH_NATIVE

COIR_UNINSTRUMENTED registers registers_of(const machine_context& flow) noexcept {
    registers found;
    found.pc = reinterpret_cast<std::uintptr_t>(flow.resume_address);
    found.value[dwarf_stack_pointer] = reinterpret_cast<std::uintptr_t>(flow.stack_pointer);
    found.value[dwarf_frame_pointer] = reinterpret_cast<std::uintptr_t>(flow.frame_pointer);
    found.value[dwarf_base_pointer] = reinterpret_cast<std::uintptr_t>(flow.base_pointer);
    return found;
}

#elif defined(__x86_64__)

// What jump_fcontext pushes (jump_x86_64_sysv_elf_gas.S, alike from Boost 1.61 on): float control,
// r12 to r15, rbx, rbp, the return address.
COIR_UNINSTRUMENTED registers registers_of(const machine_context& flow) noexcept {
    registers found;
    const auto* const pushed = static_cast<const volatile std::uint64_t*>(flow.suspended);
    if (pushed == nullptr) return found;
    for (std::size_t i = 0; i < 4; ++i) found.value[12 + i] = pushed[1 + i];
    found.value[dwarf_base_pointer] = pushed[5];
    found.value[dwarf_frame_pointer] = pushed[6];
    found.pc = pushed[7];
    found.value[dwarf_stack_pointer] = reinterpret_cast<std::uintptr_t>(flow.suspended) + 64;
    return found;
}

#else

registers registers_of(const machine_context&) noexcept { return {}; }

#endif

registers registers_at_signal(const void* machine_state) noexcept {
    const auto& state = static_cast<const ucontext_t*>(machine_state)->uc_mcontext;
    registers found;
#if defined(__x86_64__)
    constexpr std::array order{REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                               REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                               REG_R12, REG_R13, REG_R14, REG_R15};
    for (std::size_t i = 0; i < order.size(); ++i) {
        found.value[i] = static_cast<std::uint64_t>(state.gregs[order[i]]);
    }
    found.pc = static_cast<std::uint64_t>(state.gregs[REG_RIP]);
#elif defined(__aarch64__)
    for (std::size_t i = 0; i < 31; ++i) found.value[i] = state.regs[i];
    found.value[dwarf_stack_pointer] = state.sp;
    found.pc = state.pc;
#else
    static_cast<void>(state);
#endif
    return found;
}

} // namespace coir::detail
