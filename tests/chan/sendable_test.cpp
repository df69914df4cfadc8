// SPDX-License-Identifier: MIT
// Covers what may be sent: the positive side; what is refused, and with which words, is in
// tests/compile_fail.

#include "fixture.hpp"

#include <any>
#include <array>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

using coir::sendable;

namespace {

struct node {
    std::unique_ptr<node> next;
    std::vector<node> children;
};
struct incomplete;
enum class colour { red };
union either {
    int number;
    float real;
};
struct holds_pointer {
    const char* literal = "taken at its word";
};
struct opted_out {};
struct throwing_move {
    throwing_move(throwing_move&&) noexcept(false);
};

} // namespace

template <> inline constexpr bool coir::enable_sendable<opted_out> = false;
template <> inline constexpr bool coir::enable_sendable<const long*> = true;

template <class... T> constexpr bool all_sendable = (sendable<T> && ...);
template <class... T> constexpr bool none_sendable = (!sendable<T> && ...);

static_assert(all_sendable<int, bool, double, colour, either, std::nullptr_t, std::string, node>);
static_assert(all_sendable<void (*)(), int (*)(int*), int node::*, void (node::*)()>);
static_assert(all_sendable<int[3], const int, std::array<int, 3>, std::any, std::exception_ptr>);
static_assert(all_sendable<std::function<void(int*)>, std::thread, std::future<int*>>);
static_assert(all_sendable<std::unique_ptr<int>, std::unique_ptr<int[]>, std::shared_ptr<void>>);
static_assert(all_sendable<std::unique_ptr<incomplete>, std::unique_ptr<throwing_move>>);
static_assert(all_sendable<std::shared_ptr<std::mutex>, std::weak_ptr<node>>);
static_assert(all_sendable<std::pair<int, std::string>, std::tuple<>, std::optional<node>>);
static_assert(all_sendable<std::variant<std::monostate, std::string>, std::map<std::string, int>>);
static_assert(all_sendable<std::vector<bool>, std::deque<node>, std::list<int>, std::set<int>>);
static_assert(all_sendable<std::unordered_map<int, std::unique_ptr<int>>, std::queue<int>>);
static_assert(all_sendable<holds_pointer>, "a class is taken at its word");

static_assert(all_sendable<coir::chan<int>, coir::sender<node>, coir::receiver<std::string>>);
static_assert(all_sendable<coir::task<int>, coir::task<void>, coir::task<int&>>);
static_assert(all_sendable<coir::unsafe_shared<int>, coir::unsafe_shared<void>>);
static_assert(all_sendable<std::vector<coir::unsafe_shared<const char>>>);

static_assert(none_sendable<int&, const int&, int&&, int*, const char*, void*, int**, int* const>);
static_assert(none_sendable<std::string_view, std::u8string_view, std::span<int>>);
static_assert(none_sendable<std::span<const std::byte, 4>, std::reference_wrapper<int>>);
static_assert(none_sendable<std::initializer_list<int>, int* [3], std::unique_ptr<int*[]>>);
static_assert(none_sendable<std::pair<int&, int>, std::tuple<int, int*>, std::optional<int*>>);
static_assert(none_sendable<std::variant<int, std::string_view>, std::array<int*, 1>>);
static_assert(none_sendable<std::unique_ptr<int*>, std::shared_ptr<std::string_view>>);
static_assert(none_sendable<std::vector<int*>, std::deque<int*>, std::list<int*>, std::set<int*>>);
static_assert(none_sendable<std::map<int*, int>, std::map<int, int*>, std::queue<int*>>);
static_assert(none_sendable<std::unordered_map<int, std::vector<std::string_view>>>);

static_assert(sendable<const long*> && sendable<std::vector<const long*>>, "opted in");
static_assert(!sendable<long*>, "the opt-in is for one type");
static_assert(none_sendable<opted_out, std::vector<opted_out>, std::pair<int, opted_out>>);

TEST_CASE("unsafe_share makes a handle that refers, compares and converts like a pointer") {
    std::string text = "shared";
    const auto handle = coir::unsafe_share(&text);
    static_assert(std::is_same_v<decltype(handle), const coir::unsafe_shared<std::string>>);
    CHECK(handle.get() == &text);
    CHECK(*handle == "shared");
    CHECK(handle->size() == 6);
    CHECK(handle == coir::unsafe_share(&text));
    *handle = "changed";
    CHECK(text == "changed");
    const coir::unsafe_shared<const std::string> reader = handle;
    CHECK(reader.get() == &text);
    CHECK(!coir::unsafe_shared<int>{});
    void* const anything = &text;
    CHECK(coir::unsafe_share(anything).get() == anything);
}

TEST_CASE("what cannot be sent as such is sent through unsafe_share or a unique_ptr") {
    fixture::for_each_crew([](fixture::crew& members) {
        int target = 0;
        const coir::chan<coir::unsafe_shared<int>> handles;
        const coir::chan<std::unique_ptr<std::mutex>> mutexes(1);
        members.start([handles, mutexes] {
            *handles.recv().value() = 42;
            CHECK(mutexes.recv().value()->try_lock());
        });
        CHECK(handles.send(coir::unsafe_share(&target)));
        CHECK(mutexes.send(std::make_unique<std::mutex>()));
        members.join();
        CHECK(target == 42);
    });
}

TEST_CASE("function pointers are sent as they are") {
    fixture::for_each_crew([](fixture::crew&) {
        const coir::chan<int (*)(int)> functions(1);
        CHECK(functions.send([](int x) { return x + 1; }));
        CHECK(functions.recv().value()(41) == 42);
    });
}
