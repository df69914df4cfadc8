// SPDX-License-Identifier: MIT
#pragma once
// Owns the names of instructions: function, file and line, with what was inlined there.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace coir::detail {

struct source_frame {
    std::string function; ///< "?" if unknown
    std::string file;     ///< or the loaded object, when `line` is 0
    int line = 0;
    std::uint64_t offset = 0; ///< into the loaded object, when `line` is 0
};

/// Looks up and remembers; lives as long as one report. Loads tens of megabytes of debug
/// information where there is some.
class symbol_table {
public:
    symbol_table();
    ~symbol_table();
    symbol_table(const symbol_table&) = delete;
    symbol_table& operator=(const symbol_table&) = delete;

    /// The frames at one instruction: innermost inlined function first, real function last. Never
    /// empty.
    const std::vector<source_frame>& look_up(std::uint64_t pc);

private:
    struct debug_information;
    std::unique_ptr<debug_information> information_;
    std::unordered_map<std::uint64_t, std::vector<source_frame>> known_;
};

} // namespace coir::detail
