// SPDX-License-Identifier: MIT
#include "debug/symbols.hpp"

#include "debug/libdw.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace coir::detail {
namespace {

std::string demangled(const char* name) {
    if (name == nullptr) return "?";
    int status = 0;
    char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string result = status == 0 && text != nullptr ? text : name;
    std::free(text);
    return result;
}

// What the dynamic linker knows: exported names, and where the object lies.
source_frame by_dynamic_linker(std::uint64_t pc) {
    source_frame frame;
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(pc), &info) == 0) {
        frame.function = "?";
        frame.offset = pc;
        return frame;
    }
    frame.function = demangled(info.dli_sname);
    frame.file = info.dli_fname != nullptr ? info.dli_fname : "";
    frame.offset = pc - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
    return frame;
}

} // namespace

#if COIR_HAS_LIBDW

struct symbol_table::debug_information {
    debug_information() : dw{libdw::instance()} {
        if (dw == nullptr) return;
        static char* path = nullptr; // the library wants a place, null: the usual ones
        static const Dwfl_Callbacks callbacks{dw->dwfl_linux_proc_find_elf,
                                              dw->dwfl_standard_find_debuginfo, nullptr, &path};
        session = dw->dwfl_begin(&callbacks);
        if (session == nullptr) return;
        dw->dwfl_report_begin(session);
        dw->dwfl_linux_proc_report(session, ::getpid());
        dw->dwfl_report_end(session, nullptr, nullptr);
    }
    ~debug_information() {
        if (session != nullptr) dw->dwfl_end(session);
    }
    debug_information(const debug_information&) = delete;
    debug_information& operator=(const debug_information&) = delete;

    std::vector<source_frame> find(std::uint64_t pc) const {
        std::vector<source_frame> frames;
        Dwfl_Module* const module = session != nullptr ? dw->dwfl_addrmodule(session, pc) : nullptr;
        if (module == nullptr) return frames;
        source_frame innermost = by_dynamic_linker(pc);
        GElf_Off offset = 0;
        GElf_Sym symbol{};
        const char* const name =
            dw->dwfl_module_addrinfo(module, pc, &offset, &symbol, nullptr, nullptr, nullptr);
        if (name != nullptr) innermost.function = demangled(name);
        Dwarf_Addr bias = 0;
        Dwarf_Die* const unit = unit_at(module, pc, bias);
        Dwarf_Line* const source =
            unit != nullptr ? dw->dwarf_getsrc_die(unit, pc - bias) : nullptr;
        int line = 0;
        if (source != nullptr && dw->dwarf_lineno(source, &line) == 0 && line != 0) {
            const char* const file = dw->dwarf_linesrc(source, nullptr, nullptr);
            innermost.file = absolute(file != nullptr ? file : "?", unit);
            innermost.line = line;
        }
        frames.push_back(innermost);
        if (unit != nullptr) add_inlined(module, unit, pc - bias, frames);
        return frames;
    }

private:
    // The library finds units by .debug_aranges, which Clang does not write: then each is asked.
    Dwarf_Die* unit_at(Dwfl_Module* module, Dwarf_Addr pc, Dwarf_Addr& bias) const {
        if (Dwarf_Die* const found = dw->dwfl_module_addrdie(module, pc, &bias)) return found;
        Dwarf_Die* unit = nullptr;
        while ((unit = dw->dwfl_module_nextcu(module, unit, &bias)) != nullptr) {
            if (dw->dwarf_haspc(unit, pc - bias) > 0) return unit;
        }
        return nullptr;
    }

    // The scopes around an address: those that were inlined say in whom, and where.
    void add_inlined(Dwfl_Module* module, Dwarf_Die* unit, Dwarf_Addr address,
                     std::vector<source_frame>& frames) const {
        const std::vector<Dwarf_Die> scopes = scopes_at(module, unit, address);
        Dwarf_Files* files = nullptr;
        dw->dwarf_getsrcfiles(unit, &files, nullptr);
        const std::string real_function = frames.front().function;
        for (Dwarf_Die die : scopes) {
            const int tag = dw->dwarf_tag(&die);
            if (tag == DW_TAG_subprogram) break;
            if (tag != DW_TAG_inlined_subroutine) continue;
            frames.back().function = name_of(die);
            frames.push_back(caller_of(die, unit, files));
            // The symbol names the real function better than its scope does.
            frames.back().function = real_function;
        }
    }

    // Innermost first.
    std::vector<Dwarf_Die> scopes_at(Dwfl_Module* module, Dwarf_Die* unit,
                                     Dwarf_Addr address) const {
        Dwarf_Die* found = nullptr;
        if (dw->dwarf_getscopes(unit, address, &found) <= 0) return {};
        // Its list leaves the inlined scopes for the abstract ones at the first inlined function:
        // so take the innermost and ask for what is physically around it.
        Dwarf_Addr bias = 0;
        Dwarf* const dwarf = dw->dwfl_module_getdwarf(module, &bias);
        Dwarf_Die inner;
        const bool usable =
            dw->dwarf_offdie(dwarf, dw->dwarf_dieoffset(&found[0]), &inner) != nullptr;
        std::free(found);
        return usable ? enclosing(inner) : std::vector<Dwarf_Die>{};
    }

    std::vector<Dwarf_Die> enclosing(Dwarf_Die& inner) const {
        Dwarf_Die* found = nullptr;
        const int count = dw->dwarf_getscopes_die(&inner, &found);
        if (count <= 0) return {};
        std::vector<Dwarf_Die> scopes(found, found + count);
        std::free(found);
        return scopes;
    }

    std::string name_of(Dwarf_Die& scope) const {
        Dwarf_Attribute attribute;
        if (dw->dwarf_attr_integrate(&scope, DW_AT_linkage_name, &attribute) != nullptr) {
            if (const char* const text = dw->dwarf_formstring(&attribute)) return demangled(text);
        }
        return qualified_name(declaration_of(scope));
    }

    // Follows an inlined instance to what was inlined, and a definition to its declaration, which
    // is the one that lies in its class or namespace.
    Dwarf_Die declaration_of(Dwarf_Die at) const {
        constexpr int most_steps = 4;
        for (int i = 0; i < most_steps; ++i) {
            Dwarf_Attribute attribute;
            Dwarf_Die next;
            if (dw->dwarf_attr(&at, DW_AT_abstract_origin, &attribute) == nullptr &&
                dw->dwarf_attr(&at, DW_AT_specification, &attribute) == nullptr) {
                break;
            }
            if (dw->dwarf_formref_die(&attribute, &next) == nullptr) break;
            at = next;
        }
        return at;
    }

    std::string qualified_name(Dwarf_Die die) const {
        std::string name;
        for (Dwarf_Die& scope : enclosing(die)) {
            const int tag = dw->dwarf_tag(&scope);
            if (tag == DW_TAG_subprogram && !name.empty()) {
                // A local class: its function's own place is told by that one's declaration.
                return qualified_name(declaration_of(scope)) + "::" + name;
            }
            const bool is_named = tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
                                  tag == DW_TAG_structure_type || tag == DW_TAG_subprogram;
            if (!is_named) continue;
            const char* const own = dw->dwarf_diename(&scope);
            const std::string part = own != nullptr            ? own
                                     : tag == DW_TAG_namespace ? "(anonymous namespace)"
                                                               : "<lambda>";
            name = name.empty() ? part : part + "::" + name;
        }
        return name.empty() ? "?" : name;
    }

    source_frame caller_of(Dwarf_Die& inlined, Dwarf_Die* unit, Dwarf_Files* files) const {
        source_frame frame;
        Dwarf_Attribute attribute;
        Dwarf_Word number = 0;
        if (dw->dwarf_attr(&inlined, DW_AT_call_line, &attribute) != nullptr &&
            dw->dwarf_formudata(&attribute, &number) == 0) {
            frame.line = static_cast<int>(number);
        }
        if (files != nullptr && dw->dwarf_attr(&inlined, DW_AT_call_file, &attribute) != nullptr &&
            dw->dwarf_formudata(&attribute, &number) == 0) {
            const char* const name = dw->dwarf_filesrc(files, number, nullptr, nullptr);
            if (name != nullptr) frame.file = absolute(name, unit);
        }
        return frame;
    }

    // Compilers record paths as they were given, and where that was.
    std::string absolute(const char* file, Dwarf_Die* unit) const {
        std::filesystem::path path{file};
        Dwarf_Attribute attribute;
        if (path.is_relative() && unit != nullptr &&
            dw->dwarf_attr(unit, DW_AT_comp_dir, &attribute) != nullptr) {
            if (const char* const folder = dw->dwarf_formstring(&attribute)) path = folder / path;
        }
        return path.lexically_normal().string();
    }

    const libdw* const dw;
    Dwfl* session = nullptr;
};

#else

struct symbol_table::debug_information {
    std::vector<source_frame> find(std::uint64_t) const { return {}; }
};

#endif

symbol_table::symbol_table() : information_{std::make_unique<debug_information>()} {}
symbol_table::~symbol_table() = default;

const std::vector<source_frame>& symbol_table::look_up(std::uint64_t pc) {
    const auto [place, is_new] = known_.try_emplace(pc);
    if (is_new) {
        place->second = information_->find(pc);
        if (place->second.empty()) place->second.push_back(by_dynamic_linker(pc));
    }
    return place->second;
}

} // namespace coir::detail
