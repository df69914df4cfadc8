// SPDX-License-Identifier: MIT
#include "debug/unwind.hpp"

#include "debug/byte_reader.hpp"

#include <array>
#include <optional>

namespace coir::detail {
namespace {

/// Evaluates the expressions that compilers use in unwind tables: over-aligned frames, PLT entries,
/// signal frames.
class expression {
public:
    expression(const stack_copy& copy, const registers& at) : copy_{copy}, at_{at} {}

    std::optional<std::uint64_t> evaluate(const std::byte* block,
                                          std::optional<std::uint64_t> initial) {
        byte_reader reader{block};
        const std::uint64_t bytes = reader.uleb();
        const std::byte* const end = reader.position() + bytes;
        if (initial) push(*initial);
        while (reader.position() < end) {
            if (!step(reader)) return std::nullopt;
        }
        if (depth_ == 0 || failed_) return std::nullopt;
        return stack_[depth_ - 1];
    }

private:
    void push(std::uint64_t value) {
        if (depth_ == stack_.size()) {
            failed_ = true;
        } else {
            stack_[depth_++] = value;
        }
    }
    std::uint64_t pop() {
        if (depth_ != 0) return stack_[--depth_];
        failed_ = true;
        return 0;
    }

    bool step(byte_reader& reader) {
        const auto operation = reader.fixed<std::uint8_t>();
        if (operation >= 0x30 && operation <= 0x4f) { // DW_OP_lit
            push(operation - 0x30U);
            return true;
        }
        if (operation >= 0x70 && operation <= 0x8f) { // DW_OP_breg
            const auto which = operation - 0x70U;
            if (which >= dwarf_registers) return false;
            // On x86-64 the PLT's expressions name rip by the return address's column.
            const bool is_pc = which == 16 && dwarf_return_address == 16;
            push((is_pc ? at_.pc : at_.value[which]) + static_cast<std::uint64_t>(reader.sleb()));
            return true;
        }
        return constant(operation, reader) || arithmetic(operation, reader);
    }

    bool constant(unsigned operation, byte_reader& reader) {
        switch (operation) {
        case 0x08: push(reader.fixed<std::uint8_t>()); return true;
        case 0x09: push(static_cast<std::uint64_t>(reader.fixed<std::int8_t>())); return true;
        case 0x0a: push(reader.fixed<std::uint16_t>()); return true;
        case 0x0b: push(static_cast<std::uint64_t>(reader.fixed<std::int16_t>())); return true;
        case 0x0c: push(reader.fixed<std::uint32_t>()); return true;
        case 0x0d: push(static_cast<std::uint64_t>(reader.fixed<std::int32_t>())); return true;
        case 0x10: push(reader.uleb()); return true;
        case 0x11: push(static_cast<std::uint64_t>(reader.sleb())); return true;
        default: return false;
        }
    }

    bool arithmetic(unsigned operation, byte_reader& reader) {
        if (operation == 0x06) { // DW_OP_deref
            std::uint64_t value = 0;
            if (!copy_.read(pop(), value)) return false;
            push(value);
            return true;
        }
        if (operation == 0x23) { // DW_OP_plus_uconst
            push(pop() + reader.uleb());
            return true;
        }
        const std::uint64_t right = pop();
        const std::uint64_t left = pop();
        switch (operation) {
        case 0x1a: push(left & right); return true;
        case 0x1c: push(left - right); return true;
        case 0x21: push(left | right); return true;
        case 0x22: push(left + right); return true;
        case 0x24: push(left << (right & 63)); return true;
        case 0x25: push(left >> (right & 63)); return true;
        case 0x2a:
            push(static_cast<std::int64_t>(left) >= static_cast<std::int64_t>(right) ? 1 : 0);
            return true;
        default: return false;
        }
    }

    const stack_copy& copy_;
    const registers& at_;
    std::array<std::uint64_t, 16> stack_{};
    std::size_t depth_ = 0;
    bool failed_ = false;
};

std::optional<std::uint64_t> frame_address(const stack_copy& copy, const registers& at,
                                           const frame_rules& rules) {
    if (rules.cfa_expression != nullptr) {
        return expression{copy, at}.evaluate(rules.cfa_expression, std::nullopt);
    }
    if (rules.cfa_register >= dwarf_registers) return std::nullopt;
    return at.value[rules.cfa_register] + static_cast<std::uint64_t>(rules.cfa_offset);
}

// The value that a register had in the caller; nothing where that is unknown.
std::optional<std::uint64_t> recover(const stack_copy& copy, const registers& at, std::size_t which,
                                     const register_rule& rule, std::uint64_t cfa) {
    using kind = register_rule::kind;
    const std::uint64_t place = cfa + static_cast<std::uint64_t>(rule.value);
    std::uint64_t value = 0;
    switch (rule.how) {
    case kind::same: return at.value[which];
    case kind::undefined: return std::nullopt;
    case kind::is_offset: return place;
    case kind::in_register: {
        const auto other = static_cast<std::size_t>(rule.value);
        return other < dwarf_registers ? std::optional{at.value[other]} : std::nullopt;
    }
    case kind::is_expression: return expression{copy, at}.evaluate(rule.expression, cfa);
    case kind::at_expression: {
        const auto address = expression{copy, at}.evaluate(rule.expression, cfa);
        return address && copy.read(*address, value) ? std::optional{value} : std::nullopt;
    }
    case kind::at_offset: return copy.read(place, value) ? std::optional{value} : std::nullopt;
    }
    return std::nullopt;
}

// Goes to the caller; false at the end of the stack.
bool step_out(const stack_copy& copy, const frame_rules& rules, registers& at) {
    const std::optional<std::uint64_t> cfa = frame_address(copy, at, rules);
    if (!cfa || *cfa <= at.sp()) return false; // a caller's frame lies above: else it is garbage
    registers caller;
    for (std::size_t i = 0; i < dwarf_registers; ++i) {
        if (rules.rules[i].how == register_rule::kind::same) {
            caller.value[i] = at.value[i];
        } else {
            caller.value[i] = recover(copy, at, i, rules.rules[i], *cfa).value_or(0);
        }
    }
    const std::optional<std::uint64_t> back =
        recover(copy, at, dwarf_return_address, rules.rules[dwarf_return_address], *cfa);
    if (!back || *back == 0) return false;
    constexpr std::uint64_t address_bits = (std::uint64_t{1} << 48) - 1;
    caller.pc = rules.signed_return_address ? *back & address_bits : *back;
    if (rules.rules[dwarf_stack_pointer].how == register_rule::kind::same) {
        caller.value[dwarf_stack_pointer] = *cfa;
    }
    at = caller;
    return true;
}

} // namespace

const frame_rules* unwinder::rules_at(std::uint64_t pc) {
    if (const auto known = known_.find(pc); known != known_.end()) return &known->second;
    frame_rules rules;
    if (!find_rules(objects_, pc, rules)) return nullptr;
    return &known_.emplace(pc, rules).first->second;
}

std::vector<std::uint64_t> unwinder::walk(const stack_copy& copy) {
    std::vector<std::uint64_t> frames;
    registers at = copy.at;
    std::uint64_t look = at.pc; // the first one has not been executed yet: it is looked up itself
    while (look != 0 && frames.size() < most_frames) {
        const frame_rules* const rules = rules_at(look);
        if (rules == nullptr) break;
        frames.push_back(look);
        const bool was_interrupted = rules->is_signal_frame;
        if (!step_out(copy, *rules, at)) break;
        look = was_interrupted ? at.pc : at.pc - 1;
    }
    return frames;
}

} // namespace coir::detail
