// SPDX-License-Identifier: MIT
#pragma once
// Owns the connection to libdw (elfutils), which reads debug information.
//
// Loaded by dlopen when the first report is made: so programs do not link it, do not carry it while
// nothing goes wrong, and run where it is missing; reports then show symbol names without lines.
//
// Rejected: Boost.Stacktrace and libbacktrace, whose frames do not tell functions inlined into them
// apart, where coir's own thin templates would hide the user's line; and starting addr2line, which
// deployed machines seldom have.

#if COIR_HAS_LIBDW

#include <dwarf.h>
#include <elfutils/libdwfl.h>

namespace coir::detail {

#define COIR_LIBDW_FUNCTIONS(X)                                                                    \
    X(dwfl_begin)                                                                                  \
    X(dwfl_end)                                                                                    \
    X(dwfl_report_begin)                                                                           \
    X(dwfl_report_end)                                                                             \
    X(dwfl_linux_proc_report)                                                                      \
    X(dwfl_linux_proc_find_elf)                                                                    \
    X(dwfl_standard_find_debuginfo)                                                                \
    X(dwfl_addrmodule)                                                                             \
    X(dwfl_module_addrinfo)                                                                        \
    X(dwfl_module_nextcu)                                                                          \
    X(dwarf_haspc)                                                                                 \
    X(dwarf_getsrc_die)                                                                            \
    X(dwarf_lineno)                                                                                \
    X(dwarf_linesrc)                                                                               \
    X(dwfl_module_addrdie)                                                                         \
    X(dwfl_module_getdwarf)                                                                        \
    X(dwarf_getscopes)                                                                             \
    X(dwarf_getscopes_die)                                                                         \
    X(dwarf_dieoffset)                                                                             \
    X(dwarf_offdie)                                                                                \
    X(dwarf_tag)                                                                                   \
    X(dwarf_diename)                                                                               \
    X(dwarf_attr_integrate)                                                                        \
    X(dwarf_attr)                                                                                  \
    X(dwarf_formstring)                                                                            \
    X(dwarf_formref_die)                                                                           \
    X(dwarf_formudata)                                                                             \
    X(dwarf_getsrcfiles)                                                                           \
    X(dwarf_filesrc)

struct libdw {
    /// Null where it cannot be had.
    static const libdw* instance() noexcept;

#define COIR_DECLARE(name) decltype(&::name) name = nullptr;
    COIR_LIBDW_FUNCTIONS(COIR_DECLARE)
#undef COIR_DECLARE
};

} // namespace coir::detail

#endif
