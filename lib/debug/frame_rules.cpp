// SPDX-License-Identifier: MIT
#include "debug/frame_rules.hpp"

#include "debug/byte_reader.hpp"

#include <link.h>

#include <algorithm>
#include <string_view>

namespace coir::detail {
namespace {

int note_object(dl_phdr_info* info, std::size_t, void* list) {
    loaded_object object;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& part = info->dlpi_phdr[i];
        const std::uint64_t address = info->dlpi_addr + part.p_vaddr;
        if (part.p_type == PT_GNU_EH_FRAME) {
            object.table = reinterpret_cast<const std::byte*>(address);
        } else if (part.p_type == PT_LOAD && (part.p_flags & PF_X) != 0) {
            if (object.begin == 0) object.begin = address;
            object.end = address + part.p_memsz;
        }
    }
    if (object.table != nullptr && object.end != 0) {
        static_cast<std::vector<loaded_object>*>(list)->push_back(object);
    }
    return 0;
}

struct common_information {
    std::uint64_t code_alignment = 1;
    std::int64_t data_alignment = 1;
    std::uint8_t pointer_encoding = 0;
    bool has_augmentation = false;
    bool is_signal_frame = false;
    const std::byte* begin = nullptr;
    const std::byte* end = nullptr;
};

// Returns the end of the entry and leaves the reader behind its length.
const std::byte* entry_end(byte_reader& reader) {
    std::uint64_t length = reader.fixed<std::uint32_t>();
    if (length == 0xffffffff) length = reader.fixed<std::uint64_t>();
    return reader.position() + length;
}

common_information read_common(const std::byte* at) {
    common_information common;
    byte_reader reader{at};
    common.end = entry_end(reader);
    reader.skip(4);
    const auto version = reader.fixed<std::uint8_t>();
    const std::string_view augmentation{reinterpret_cast<const char*>(reader.position())};
    reader.skip(augmentation.size() + 1);
    common.code_alignment = reader.uleb();
    common.data_alignment = reader.sleb();
    if (version == 1) {
        reader.skip(1);
    } else {
        reader.uleb(); // the column of the return address: the platform's
    }
    common.has_augmentation = augmentation.starts_with('z');
    const std::uint64_t data_bytes = common.has_augmentation ? reader.uleb() : 0;
    common.begin = reader.position() + data_bytes;
    for (const char one : augmentation) {
        if (one == 'R') common.pointer_encoding = reader.fixed<std::uint8_t>();
        if (one == 'L') reader.skip(1);
        if (one == 'S') common.is_signal_frame = true;
        if (one == 'P') {
            const auto encoding = reader.fixed<std::uint8_t>();
            reader.pointer(encoding);
        }
    }
    return common;
}

// The entry whose range begins last before `pc`, by the sorted table; null if there is none.
const std::byte* find_entry(const loaded_object& object, std::uint64_t pc) {
    struct row {
        std::int32_t begin;
        std::int32_t entry;
    };
    constexpr std::uint8_t as_linkers_write_it = 0x3b; // datarel, sdata4
    byte_reader reader{object.table};
    if (reader.fixed<std::uint8_t>() != 1) return nullptr;
    const auto frame_encoding = reader.fixed<std::uint8_t>();
    const auto count_encoding = reader.fixed<std::uint8_t>();
    if (reader.fixed<std::uint8_t>() != as_linkers_write_it) return nullptr;
    reader.pointer(frame_encoding);
    const std::uint64_t count = reader.pointer(count_encoding);
    const auto* const rows = reinterpret_cast<const row*>(reader.position());
    const auto offset =
        static_cast<std::int64_t>(pc - reinterpret_cast<std::uintptr_t>(object.table));
    const auto* const after =
        std::upper_bound(rows, rows + count, offset,
                         [](std::int64_t wanted, const row& one) { return wanted < one.begin; });
    return after == rows ? nullptr : object.table + (after - 1)->entry;
}

/// Executes call frame instructions up to one address.
class rule_program {
public:
    rule_program(const common_information& common, std::uint64_t location, std::uint64_t pc,
                 frame_rules& rules)
        : common_{common}, location_{location}, pc_{pc}, rules_{rules} {}

    /// False where an instruction is not known.
    bool run(const std::byte* begin, const std::byte* end) {
        byte_reader reader{begin};
        while (reader.position() < end && location_ <= pc_) {
            if (!step(reader)) return false;
        }
        return true;
    }
    void end_of_common() { initial_ = rules_.rules; }

private:
    bool step(byte_reader& reader) {
        const auto instruction = reader.fixed<std::uint8_t>();
        const unsigned operand = instruction & 0x3fU;
        switch (instruction >> 6) {
        case 1: advance(operand); return true;
        case 2: set(operand, register_rule::kind::at_offset, scaled(reader.uleb())); return true;
        case 3: restore(operand); return true;
        default: return operand < 0x0c ? simple(operand, reader) : extended(operand, reader);
        }
    }

    bool simple(unsigned operand, byte_reader& reader) {
        switch (operand) {
        case 0x00: return true;
        case 0x01: location_ = reader.pointer(common_.pointer_encoding); return true;
        case 0x02: advance(reader.fixed<std::uint8_t>()); return true;
        case 0x03: advance(reader.fixed<std::uint16_t>()); return true;
        case 0x04: advance(reader.fixed<std::uint32_t>()); return true;
        case 0x05: {
            const std::uint64_t which = reader.uleb();
            set(which, register_rule::kind::at_offset, scaled(reader.uleb()));
            return true;
        }
        case 0x06: restore(reader.uleb()); return true;
        case 0x07: set(reader.uleb(), register_rule::kind::undefined, 0); return true;
        case 0x08: set(reader.uleb(), register_rule::kind::same, 0); return true;
        case 0x09: {
            const std::uint64_t which = reader.uleb();
            set(which, register_rule::kind::in_register, static_cast<std::int64_t>(reader.uleb()));
            return true;
        }
        case 0x0a: remembered_.push_back(rules_); return true;
        default: // 0x0b
            if (remembered_.empty()) return false;
            rules_ = remembered_.back();
            remembered_.pop_back();
            return true;
        }
    }

    bool extended(unsigned operand, byte_reader& reader) {
        switch (operand) {
        case 0x0c:
            define(reader.uleb());
            rules_.cfa_offset = static_cast<std::int64_t>(reader.uleb());
            return true;
        case 0x0d: define(reader.uleb()); return true;
        case 0x0e: rules_.cfa_offset = static_cast<std::int64_t>(reader.uleb()); return true;
        case 0x0f: rules_.cfa_expression = block(reader); return true;
        case 0x10: return set_expression(register_rule::kind::at_expression, reader);
        case 0x16: return set_expression(register_rule::kind::is_expression, reader);
        case 0x11: return set_signed(register_rule::kind::at_offset, reader);
        case 0x12:
            define(reader.uleb());
            rules_.cfa_offset = reader.sleb() * common_.data_alignment;
            return true;
        case 0x13: rules_.cfa_offset = reader.sleb() * common_.data_alignment; return true;
        case 0x14: {
            const std::uint64_t which = reader.uleb();
            set(which, register_rule::kind::is_offset, scaled(reader.uleb()));
            return true;
        }
        case 0x15: return set_signed(register_rule::kind::is_offset, reader);
        case 0x2d: rules_.signed_return_address = !rules_.signed_return_address; return true;
        case 0x2e: reader.uleb(); return true; // the size of arguments, of no use here
        default: return false;
        }
    }

    [[nodiscard]] std::int64_t scaled(std::uint64_t factor) const {
        return static_cast<std::int64_t>(factor) * common_.data_alignment;
    }
    void advance(std::uint64_t delta) { location_ += delta * common_.code_alignment; }
    void define(std::uint64_t which) {
        rules_.cfa_register = which;
        rules_.cfa_expression = nullptr;
    }
    static const std::byte* block(byte_reader& reader) {
        const std::byte* const begin = reader.position();
        const std::uint64_t bytes = reader.uleb();
        reader.skip(bytes);
        return begin;
    }
    void set(std::uint64_t which, register_rule::kind how, std::int64_t value,
             const std::byte* expression = nullptr) {
        if (which < dwarf_registers) rules_.rules[which] = {how, value, expression};
    }
    bool set_expression(register_rule::kind how, byte_reader& reader) {
        const std::uint64_t which = reader.uleb();
        set(which, how, 0, block(reader));
        return true;
    }
    bool set_signed(register_rule::kind how, byte_reader& reader) {
        const std::uint64_t which = reader.uleb();
        set(which, how, reader.sleb() * common_.data_alignment);
        return true;
    }
    void restore(std::uint64_t which) {
        if (which < dwarf_registers) rules_.rules[which] = initial_[which];
    }

    const common_information& common_;
    std::uint64_t location_;
    const std::uint64_t pc_;
    frame_rules& rules_;
    std::array<register_rule, dwarf_registers> initial_{};
    std::vector<frame_rules> remembered_;
};

} // namespace

std::vector<loaded_object> loaded_objects() {
    std::vector<loaded_object> objects;
    ::dl_iterate_phdr(note_object, &objects);
    return objects;
}

bool find_rules(const std::vector<loaded_object>& objects, std::uint64_t pc, frame_rules& found) {
    const auto object = std::ranges::find_if(
        objects, [pc](const auto& one) { return one.begin <= pc && pc < one.end; });
    if (object == objects.end()) return false;
    const std::byte* const entry = find_entry(*object, pc);
    if (entry == nullptr) return false;
    byte_reader reader{entry};
    const std::byte* const end = entry_end(reader);
    const std::byte* const field = reader.position();
    const common_information common = read_common(field - reader.fixed<std::int32_t>());
    const std::uint64_t begin = reader.pointer(common.pointer_encoding);
    const std::uint64_t bytes = reader.plain(common.pointer_encoding & 0x0f);
    if (pc < begin || pc - begin >= bytes) return false; // a gap between functions
    if (common.has_augmentation) {
        const std::uint64_t data_bytes = reader.uleb();
        reader.skip(data_bytes);
    }
    found = {};
    found.is_signal_frame = common.is_signal_frame;
    rule_program program{common, begin, pc, found};
    if (!program.run(common.begin, common.end)) return false;
    program.end_of_common();
    return program.run(reader.position(), end);
}

} // namespace coir::detail
