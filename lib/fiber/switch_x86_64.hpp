// SPDX-License-Identifier: MIT
#pragma once
// Owns the native switch on x86-64: what a suspended flow keeps, and the instructions that swap.
//
// The switch is inline assembly with a clobber list, so the compiler saves exactly what is live at
// the call. It pushes nothing: the flow's red zone and its CFI stay valid. It leaves by an indirect
// jump, because a `ret` to another flow is always mispredicted (about 9 ns).
//
// rbx and rbp are saved by hand: rbp may be the frame pointer, rbx is LLVM's base pointer in
// functions with over-aligned variable frames, and neither may then stand in a clobber list.
//
// MXCSR and the x87 control word belong to a flow (psABI: control bits are callee-saved, status
// bits are not). They are reloaded only when control bits differ: the sticky exception flags of
// two flows differ as soon as one of them divides, and a reload costs a stall of about 72 ns.

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
    std::uint32_t mxcsr = 0;
    std::uint16_t x87_control = 0;
};
static_assert(offsetof(machine_context, resume_address) == 8);
static_assert(offsetof(machine_context, frame_pointer) == 16);
static_assert(offsetof(machine_context, base_pointer) == 24);

inline constexpr std::uint32_t mxcsr_status_bits = 0x3f;

/// Runs on a fresh stack; defined in assembly in context_entry.cpp, never called from C++.
extern "C" [[gnu::visibility("hidden")]] void coir_context_entry() noexcept;

inline void save_float_control(machine_context& context) noexcept {
    asm volatile("stmxcsr %0" : "=m"(context.mxcsr));
    asm volatile("fnstcw %0" : "=m"(context.x87_control));
}

[[gnu::cold, gnu::noinline]] inline void load_float_control(const machine_context& running,
                                                            const machine_context& next) noexcept {
    // The status bits stay with the thread, as they would across a function call.
    const std::uint32_t mxcsr =
        (next.mxcsr & ~mxcsr_status_bits) | (running.mxcsr & mxcsr_status_bits);
    asm volatile("ldmxcsr %0" : : "m"(mxcsr));
    asm volatile("fldcw %0" : : "m"(next.x87_control));
}

inline void machine_make(machine_context& context, std::byte* /*bottom*/, std::byte* top,
                         context_entry entry) noexcept {
    // A function is entered with the stack pointer 8 below a multiple of 16.
    const auto aligned = reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15};
    context.stack_pointer = reinterpret_cast<void*>(aligned - 8);
    context.resume_address = reinterpret_cast<const void*>(&coir_context_entry);
    context.frame_pointer = reinterpret_cast<void*>(entry);
    save_float_control(context); // a new flow inherits the maker's, as a new thread does
}

// Between the load of rsp and the jump no rule describes the stack: a profiler's sample there
// must stop instead of walking the next flow's frames by this function's rules.
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define COIR_CFI_BEGIN_UNKNOWN ".cfi_remember_state\n\t.cfi_undefined rip\n\t"
#define COIR_CFI_END_UNKNOWN "\n\t.cfi_restore_state"
#else
#define COIR_CFI_BEGIN_UNKNOWN
#define COIR_CFI_END_UNKNOWN
#endif

[[gnu::always_inline]] inline void* machine_switch(machine_context& from, machine_context& to,
                                                   void* argument) noexcept {
    save_float_control(from);
    if (((from.mxcsr ^ to.mxcsr) & ~mxcsr_status_bits) != 0 || from.x87_control != to.x87_control)
        [[unlikely]]
        load_float_control(from, to);

    // rdi, rsi and rdx keep their meaning on the other side: the flow just left, the flow resumed,
    // the argument. They are also the first three parameters of the function that a fresh context
    // starts with (context_entry.cpp).
    machine_context* left = &from;
    machine_context* resumed = &to;
    asm volatile("lea 1f(%%rip), %%rax\n\t"
                 "mov %%rsp, 0(%%rdi)\n\t"
                 "mov %%rax, 8(%%rdi)\n\t"
                 "mov %%rbp, 16(%%rdi)\n\t"
                 "mov %%rbx, 24(%%rdi)\n\t"
                 "mov 8(%%rsi), %%rax\n\t"
                 "mov 16(%%rsi), %%rbp\n\t"
                 "mov 24(%%rsi), %%rbx\n\t" COIR_CFI_BEGIN_UNKNOWN "mov 0(%%rsi), %%rsp\n\t"
                 "jmp *%%rax" COIR_CFI_END_UNKNOWN "\n"
                 "1:\n\t"
                 "endbr64" // the jump's target, should indirect branch tracking be on
                 : "+D"(left), "+S"(resumed), "+d"(argument)
                 :
                 : "rax", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
                   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
#ifdef __AVX512F__
                   "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                   "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3",
                   "k4", "k5", "k6", "k7",
#endif
                   "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc",
                   "memory");
    return argument;
}

#undef COIR_CFI_BEGIN_UNKNOWN
#undef COIR_CFI_END_UNKNOWN

} // namespace coir::detail
