// SPDX-License-Identifier: MIT
#include "debug/task_report.hpp"

#include "debug/wait_description.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace coir::detail {
namespace {

using namespace std::string_view_literals;

// Demangled templates begin with their return type: the name is what stands behind the last space
// before the parameters, template arguments passed over.
std::string_view bare_name(std::string_view function) {
    constexpr std::string_view anonymous = "(anonymous namespace)";
    constexpr std::string_view deduced = "decltype(auto) ";
    if (function.starts_with(deduced)) function.remove_prefix(deduced.size());
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i < function.size(); ++i) {
        const std::string_view rest = function.substr(i);
        if (rest.starts_with("operator")) break; // its name may hold any of these
        if (rest.starts_with(anonymous)) {
            i += anonymous.size() - 1;
        } else if (function[i] == '<') {
            ++depth;
        } else if (function[i] == '>') {
            --depth;
        } else if (depth == 0 && function[i] == ' ') {
            begin = i + 1;
        } else if (depth == 0 && function[i] == '(') {
            break;
        }
    }
    return function.substr(begin);
}

bool is_internal(const source_frame& frame) {
    const std::string_view name = bare_name(frame.function);
    return name.starts_with("coir::detail::"sv) || name.starts_with("coir_context_"sv);
}

bool is_library(const source_frame& frame) {
    const std::string_view name = bare_name(frame.function);
    return is_internal(frame) || name.starts_with("coir::"sv) || name.starts_with("std::"sv);
}

// Where the brackets that open at `begin` are closed.
std::size_t closing(std::string_view text, std::size_t begin) {
    int depth = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
        if (text[i] == '<' || text[i] == '(') ++depth;
        if ((text[i] == '>' && text[i - 1] != '-') || text[i] == ')') --depth;
        if (depth == 0) return i;
    }
    return text.size() - 1;
}

// Without the return type, and with long lists of arguments cut to "...".
std::string readable(std::string_view function) {
    constexpr std::size_t longest_list = 48;
    std::string_view name = bare_name(function);
    if (const std::size_t clone = name.find(" [clone"); clone != name.npos) {
        name = name.substr(0, clone);
    }
    std::string text;
    for (std::size_t i = 0; i < name.size(); ++i) {
        text += name[i];
        const bool is_operator = std::string_view{text}.ends_with("operator<");
        if ((name[i] != '<' && name[i] != '(') || is_operator) continue;
        const std::size_t end = closing(name, i);
        if (end - i <= longest_list) continue;
        text += "...";
        text += name[end];
        i = end;
    }
    return text;
}

std::string place_text(const source_frame& frame) {
    if (frame.line != 0) return frame.file + ":" + std::to_string(frame.line);
    std::array<char, 24> offset;
    std::snprintf(offset.data(), offset.size(), "+0x%llx",
                  static_cast<unsigned long long>(frame.offset));
    return (frame.file.empty() ? "?" : frame.file) + offset.data();
}

std::vector<source_frame> expand(std::span<const std::uint64_t> frames, symbol_table& symbols) {
    std::vector<source_frame> all;
    for (const std::uint64_t pc : frames) {
        const std::vector<source_frame>& here = symbols.look_up(pc);
        all.insert(all.end(), here.begin(), here.end());
    }
    return all;
}

// Cuts off how we park, at the inner end, and how we start coroutines, at the outer end.
std::span<const source_frame> trim(std::span<const source_frame> all) {
    const auto outer = std::ranges::find_if_not(all.rbegin(), all.rend(), is_library).base();
    const auto whole = std::span{all.begin(), outer};
    if (whole.empty()) return all;
    // The thread that asks for a dump waits for it somewhere in the C library.
    const auto asks = std::ranges::find_if(whole, [](const source_frame& frame) {
        return bare_name(frame.function).starts_with("coir::dump_tasks"sv);
    });
    if (asks != whole.end()) return {asks, whole.end()};
    // What comes before the last internal frame of the inner end is internal as well.
    auto inner = whole.begin();
    for (auto at = whole.begin(); at != whole.end() && is_library(*at); ++at) {
        if (is_internal(*at)) inner = at + 1;
    }
    return {inner, whole.end()};
}

// Where in the user's code `go` was called: inlined functions of ours are passed over.
std::string start_text(std::uint64_t site, symbol_table& symbols) {
    if (site == 0) return {};
    const std::vector<source_frame>& frames = symbols.look_up(site - 1); // a return address
    auto user = std::ranges::find_if_not(frames, is_library);
    if (user == frames.end()) user = frames.end() - 1;
    return "  started in " + readable(user->function) + "\n      " + place_text(*user) + "\n";
}

/// Stacks as they are shown. Two that differ only in how coir has parked look the same, and are.
class shown_stacks {
public:
    explicit shown_stacks(symbol_table& symbols) : symbols_{symbols} {}
    const std::string* of(const std::vector<std::uint64_t>& frames) {
        const auto [place, is_new] = by_frames_.try_emplace(frames, nullptr);
        if (is_new) place->second = &*texts_.insert(describe_stack(frames, symbols_)).first;
        return place->second;
    }

private:
    symbol_table& symbols_;
    std::map<std::vector<std::uint64_t>, const std::string*> by_frames_;
    std::set<std::string> texts_;
};

using group_key = std::tuple<activity, wait_kind, const std::string*, std::uint64_t>;
using group_members = std::vector<const coroutine_record*>;

std::string doing_text(const coroutine_record& record) {
    switch (record.doing) {
    case activity::fresh: return "not begun yet";
    case activity::runnable: return "runnable";
    case activity::running: return "running on worker " + std::to_string(record.worker);
    case activity::waiting:
        return "waits on " + record.waits_on + " for " + seconds_text(record.waits_ns);
    }
    return "?";
}

std::string members_text(const group_members& members) {
    constexpr std::size_t most_shown = 10;
    if (members.size() == 1) return name_of_coroutine(*members[0]) + ": " + doing_text(*members[0]);
    std::string text = std::to_string(members.size()) + " coroutines, ";
    for (std::size_t i = 0; i < members.size() && i < most_shown; ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(members[i]->id);
        if (!members[i]->name.empty()) text += " \"" + members[i]->name + "\"";
    }
    if (members.size() > most_shown) text += ", ...";
    const auto longest = *std::ranges::max_element(
        members, [](const auto* a, const auto* b) { return a->waits_ns < b->waits_ns; });
    return text + ", such as " + std::to_string(longest->id) + ": " + doing_text(*longest);
}

} // namespace

std::string describe(std::span<const coroutine_record> records, symbol_table& symbols) {
    shown_stacks stacks{symbols};
    std::map<group_key, group_members> groups;
    std::vector<const group_members*> order; // of their first members: map nodes stay
    std::vector<const group_key*> keys;
    for (const coroutine_record& record : records) {
        const auto [place, is_new] = groups.try_emplace(
            group_key{record.doing, record.kind, stacks.of(record.frames), record.start_site});
        place->second.push_back(&record);
        if (!is_new) continue;
        order.push_back(&place->second);
        keys.push_back(&place->first);
    }
    std::string text;
    for (std::size_t i = 0; i < order.size(); ++i) {
        text += members_text(*order[i]) + "\n";
        text += *std::get<2>(*keys[i]);
        text += start_text(std::get<3>(*keys[i]), symbols) + "\n";
    }
    return text;
}

std::string describe_stack(std::span<const std::uint64_t> frames, symbol_table& symbols) {
    const std::vector<source_frame> all = expand(frames, symbols);
    std::string text;
    for (const source_frame& frame : trim(all)) {
        text += "  at " + readable(frame.function) + "\n      " + place_text(frame) + "\n";
    }
    return text;
}

std::string describe_cycles(std::span<const coroutine_record> records) {
    std::unordered_map<std::uint64_t, const coroutine_record*> by_id;
    for (const auto& record : records) by_id.emplace(record.id, &record);
    std::unordered_set<std::uint64_t> seen;
    std::string text;
    for (const auto& start : records) {
        std::vector<const coroutine_record*> path;
        const coroutine_record* at = &start;
        while (at != nullptr && at->blocked_by != 0 && seen.insert(at->id).second) {
            path.push_back(at);
            const auto next = by_id.find(at->blocked_by);
            at = next != by_id.end() ? next->second : nullptr;
        }
        const auto begin = std::ranges::find(path, at);
        if (begin == path.end()) continue;
        const auto least = [](const auto* a, const auto* b) { return a->id < b->id; };
        std::rotate(begin, std::min_element(begin, path.end(), least), path.end());
        text += "coir: a cycle:";
        for (auto one = begin; one != path.end(); ++one)
            text += " " + name_of_coroutine(**one) + " ->";
        text += " " + name_of_coroutine(**begin) + "\n";
    }
    return text;
}

} // namespace coir::detail
