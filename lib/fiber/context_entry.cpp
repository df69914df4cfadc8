// SPDX-License-Identifier: MIT
// Owns the first frame of every context: where unwinders, debuggers and profilers must stop.
//
// coir_context_entry is jumped to on an empty stack. Its return address is undefined for the
// unwinder and the frame-pointer chain ends in zero, so `throw`, gdb's backtrace and perf's
// callchains all end here. The functions under both switches get three registers alike:
//   native: the flow just left, the flow that begins, the argument; the entry in the saved frame
//           pointer, which moves to the fourth parameter;
//   Boost:  the two halves of transfer_t; the rest is not looked at.
// The registers that functions save for their callers begin at zero. They hold what belonged to the
// flow just left, and would be saved on this stack as long as it lives: for the search of
// debug/reachability.hpp they would be pointers in use.

#include "base/check.hpp"
#include "fiber/context.hpp"

namespace coir::detail {
namespace {

// noexcept: an exception that leaves the entry ends the process by std::terminate.
[[noreturn]] void begin(context_entry entry, void* argument) noexcept {
    fiber_arrives(nullptr);
    entry(argument);
    fatal("a context's entry returned");
}

} // namespace

#if COIR_SWITCH_NATIVE

extern "C" [[gnu::used, gnu::visibility("hidden"), noreturn]] void
coir_context_begin(machine_context* /*from*/, machine_context* /*begins*/, void* argument,
                   context_entry entry) noexcept {
    begin(entry, argument);
}

#else

extern "C" [[gnu::used, gnu::visibility("hidden"), noreturn]] void
coir_context_begin(boost::context::detail::transfer_t transfer) noexcept {
    const switch_message message = receive(transfer);
    begin(message.to->entry, message.argument);
}

#endif

} // namespace coir::detail

#if defined(__x86_64__)
asm(R"(
    .pushsection .text.coir_context_entry, "ax", @progbits
    .globl coir_context_entry
    .hidden coir_context_entry
    .type coir_context_entry, @function
    .p2align 4
coir_context_entry:
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    movq %rbp, %rcx
    xorl %ebp, %ebp
    xorl %ebx, %ebx
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    call coir_context_begin
    ud2
    .cfi_endproc
    .size coir_context_entry, . - coir_context_entry
    .popsection
)");
#elif defined(__aarch64__)
asm(R"(
    .pushsection .text.coir_context_entry, "ax", %progbits
    .globl coir_context_entry
    .hidden coir_context_entry
    .type coir_context_entry, %function
    .p2align 4
coir_context_entry:
    .cfi_startproc
    .cfi_undefined x30
    hint #38 // bti jc
    mov x3, x29
    mov x19, xzr
    mov x20, xzr
    mov x21, xzr
    mov x22, xzr
    mov x23, xzr
    mov x24, xzr
    mov x25, xzr
    mov x26, xzr
    mov x27, xzr
    mov x28, xzr
    mov x29, xzr
    mov x30, xzr
    bl coir_context_begin
    brk #1
    .cfi_endproc
    .size coir_context_entry, . - coir_context_entry
    .popsection
)");
#else
extern "C" void coir_context_entry(boost::context::detail::transfer_t transfer) noexcept {
    coir::detail::coir_context_begin(transfer);
}
#endif
