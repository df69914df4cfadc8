// SPDX-License-Identifier: MIT
// What must not compile, one case to a preprocessor name. run.py compiles each alone and looks for
// the texts of its "expect" lines (all of them) in what the compiler says; with no name defined the
// file must compile, or every case would fail for a reason of its own.

#include <coir/chan.hpp>

#include <array>
#include <deque>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

struct opted_out {};
template <> inline constexpr bool coir::enable_sendable<opted_out> = false;

struct throwing_move {
    throwing_move() = default;
    throwing_move(throwing_move&&) noexcept(false) {}
};

struct throwing_destructor {
    throwing_destructor() = default;
    throwing_destructor(throwing_destructor&&) noexcept {}
    ~throwing_destructor() noexcept(false) {}
};

struct immovable {
    immovable() = default;
    immovable(const immovable&) = delete;
};

template <class T> void use() { coir::chan<T> channel; }

void control() {
    use<int>();
    use<std::string>();
    use<std::unique_ptr<immovable>>();
    use<coir::unsafe_shared<int>>();
}

// Each line: the case, what must be said, the code.
// expect raw_pointer: raw pointer | std::unique_ptr | coir::unsafe_share(p)
// expect pointer_to_const: raw pointer | std::string | coir::unsafe_share(p)
// expect void_pointer: raw pointer | coir::unsafe_share(p)
// expect pointer_to_pointer: raw pointer | coir::unsafe_share(p)
// expect reference: reference | coir::unsafe_share(&object)
// expect string_view: view | std::string | coir::unsafe_share(&object)
// expect span: view | std::vector | coir::unsafe_share(&object)
// expect reference_wrapper: view | coir::unsafe_share(&object)
// expect initializer_list: view | std::vector
// expect range_view: view | std::vector
// expect throwing_move: without throwing | std::unique_ptr
// expect throwing_destructor: without throwing | std::unique_ptr
// expect immovable: without throwing | std::unique_ptr
// expect opted_out: coir::enable_sendable | coir::unsafe_share(&object)
// expect in_pair: raw pointer inside | std::unique_ptr | coir::unsafe_share(p)
// expect in_tuple: reference inside | coir::unsafe_share(&object)
// expect in_optional: view inside | std::string
// expect in_variant: raw pointer inside | coir::unsafe_share(p)
// expect in_unique_ptr: raw pointer inside | coir::unsafe_share(p)
// expect in_shared_ptr: view inside | std::string
// expect in_weak_ptr: raw pointer inside | coir::unsafe_share(p)
// expect in_vector: raw pointer inside | coir::unsafe_share(p)
// expect in_array: raw pointer inside | coir::unsafe_share(p)
// expect in_deque: view inside | std::string
// expect in_list: raw pointer inside | coir::unsafe_share(p)
// expect in_map_key: view inside | std::string
// expect in_map_value: raw pointer inside | coir::unsafe_share(p)
// expect in_set: raw pointer inside | coir::unsafe_share(p)
// expect in_unordered_map: view inside | std::vector
// expect in_queue: raw pointer inside | coir::unsafe_share(p)
// expect deep_inside: raw pointer inside | coir::unsafe_share(p)
// expect opted_out_inside: coir::enable_sendable
// expect channel_of_pointers: 1 error | raw pointer | coir::unsafe_share(p)
// expect bounded_channel_of_views: 1 error | view | std::string
// expect ignored_send: nodiscard
void refused() {
#if defined(CASE_raw_pointer)
    use<int*>();
#elif defined(CASE_pointer_to_const)
    use<const char*>();
#elif defined(CASE_void_pointer)
    use<void*>();
#elif defined(CASE_pointer_to_pointer)
    use<void (**)()>();
#elif defined(CASE_reference)
    use<int&>();
#elif defined(CASE_string_view)
    use<std::string_view>();
#elif defined(CASE_span)
    use<std::span<const std::byte>>();
#elif defined(CASE_reference_wrapper)
    use<std::reference_wrapper<int>>();
#elif defined(CASE_initializer_list)
    use<std::initializer_list<int>>();
#elif defined(CASE_range_view)
    use<std::ranges::ref_view<std::vector<int>>>();
#elif defined(CASE_throwing_move)
    use<throwing_move>();
#elif defined(CASE_throwing_destructor)
    use<throwing_destructor>();
#elif defined(CASE_immovable)
    use<immovable>();
#elif defined(CASE_opted_out)
    use<opted_out>();
#elif defined(CASE_in_pair)
    use<std::pair<int, int*>>();
#elif defined(CASE_in_tuple)
    use<std::tuple<int, int&>>();
#elif defined(CASE_in_optional)
    use<std::optional<std::string_view>>();
#elif defined(CASE_in_variant)
    use<std::variant<std::monostate, char*>>();
#elif defined(CASE_in_unique_ptr)
    use<std::unique_ptr<int*>>();
#elif defined(CASE_in_shared_ptr)
    use<std::shared_ptr<std::string_view>>();
#elif defined(CASE_in_weak_ptr)
    use<std::weak_ptr<int*>>();
#elif defined(CASE_in_vector)
    use<std::vector<int*>>();
#elif defined(CASE_in_array)
    use<std::array<int*, 2>>();
#elif defined(CASE_in_deque)
    use<std::deque<std::string_view>>();
#elif defined(CASE_in_list)
    use<std::list<int*>>();
#elif defined(CASE_in_map_key)
    use<std::map<std::string_view, int>>();
#elif defined(CASE_in_map_value)
    use<std::map<int, int*>>();
#elif defined(CASE_in_set)
    use<std::set<int*>>();
#elif defined(CASE_in_unordered_map)
    use<std::unordered_map<int, std::span<int>>>();
#elif defined(CASE_in_queue)
    use<std::queue<int*>>();
#elif defined(CASE_deep_inside)
    use<std::vector<std::map<int, std::pair<int, std::unique_ptr<const void*>>>>>();
#elif defined(CASE_opted_out_inside)
    use<std::vector<opted_out>>();
#elif defined(CASE_channel_of_pointers)
    static_cast<void>(coir::channel<int*>(4));
#elif defined(CASE_bounded_channel_of_views)
    coir::chan<std::string_view> channel(coir::unbounded);
#elif defined(CASE_ignored_send)
    coir::chan<int> channel(1);
    channel.send(1);
#endif
}
