// SPDX-License-Identifier: MIT
#pragma once
// Owns the native switch on aarch64: what a suspended flow keeps, and the instructions that swap.
//
// As on x86-64 (see switch_x86_64.hpp): inline assembly with a clobber list, nothing pushed, an
// indirect jump. x29 and x19 are saved by hand: x29 may be the frame pointer, x19 is LLVM's base
// pointer, and neither may then stand in a clobber list. FPCR holds control bits only (the sticky
// flags live in FPSR, which belongs to the thread) and is written only when two flows differ.

#include <cstddef>
#include <cstdint>

namespace coir::detail {

using context_entry = void (*)(void* argument);

/// What a suspended flow keeps. The offsets are written out in the assembly below.
struct machine_context {
    void* stack_pointer = nullptr;
    const void* resume_address = nullptr;
    void* frame_pointer = nullptr; // before the first switch: the entry function
    void* base_pointer = nullptr;
    std::uint64_t fpcr = 0;
};
static_assert(offsetof(machine_context, resume_address) == 8);
static_assert(offsetof(machine_context, frame_pointer) == 16);
static_assert(offsetof(machine_context, base_pointer) == 24);

/// Runs on a fresh stack; defined in assembly in context_entry.cpp, never called from C++.
extern "C" [[gnu::visibility("hidden")]] void coir_context_entry() noexcept;

inline void save_float_control(machine_context& context) noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(context.fpcr));
}

inline void machine_make(machine_context& context, std::byte* /*bottom*/, std::byte* top,
                         context_entry entry) noexcept {
    context.stack_pointer =
        reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
    context.resume_address = reinterpret_cast<const void*>(&coir_context_entry);
    context.frame_pointer = reinterpret_cast<void*>(entry);
    save_float_control(context); // a new flow inherits the maker's, as a new thread does
}

// Between the load of sp and the jump no rule describes the stack: a profiler's sample there
// must stop instead of walking the next flow's frames by this function's rules.
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define COIR_CFI_BEGIN_UNKNOWN ".cfi_remember_state\n\t.cfi_undefined x30\n\t"
#define COIR_CFI_END_UNKNOWN "\n\t.cfi_restore_state"
#else
#define COIR_CFI_BEGIN_UNKNOWN
#define COIR_CFI_END_UNKNOWN
#endif

[[gnu::always_inline]] inline void* machine_switch(machine_context& from, machine_context& to,
                                                   void* argument) noexcept {
    save_float_control(from);
    if (from.fpcr != to.fpcr) [[unlikely]] {
        asm volatile("msr fpcr, %0" : : "r"(to.fpcr));
    }

    // x0, x1 and x2 keep their meaning on the other side: the flow just left, the flow resumed,
    // the argument. They are also the first three parameters of the function that a fresh context
    // starts with (context_entry.cpp).
    register machine_context* left asm("x0") = &from;
    register machine_context* resumed asm("x1") = &to;
    register void* passed asm("x2") = argument;
    asm volatile("adr x16, 1f\n\t"
                 "mov x17, sp\n\t"
                 "stp x17, x16, [x0]\n\t"
                 "stp x29, x19, [x0, #16]\n\t"
                 "ldp x29, x19, [x1, #16]\n\t"
                 "ldp x17, x16, [x1]\n\t" COIR_CFI_BEGIN_UNKNOWN "mov sp, x17\n\t"
                 "br x16" COIR_CFI_END_UNKNOWN "\n"
                 "1:\n\t"
                 "hint #36" // bti j: the jump's target, should branch target checks be on
                 : "+r"(left), "+r"(resumed), "+r"(passed)
                 :
                 : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                   "x15", "x16", "x17", "x18", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
                   "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
                   "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20",
                   "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31",
#ifdef __ARM_FEATURE_SVE
                   "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12",
                   "p13", "p14", "p15", "ffr",
#endif
                   "cc", "memory");
    return passed;
}

#undef COIR_CFI_BEGIN_UNKNOWN
#undef COIR_CFI_END_UNKNOWN

} // namespace coir::detail
