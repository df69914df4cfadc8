// SPDX-License-Identifier: MIT
// Covers what happens to elements: copies, moves, exceptions, and user code that itself waits.

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace fixture;
using coir::channel_status;

namespace {

/// Copying throws where told to.
struct reluctant {
    explicit reluctant(bool refuse_copies = false) : refuse(refuse_copies) {}
    reluctant(const reluctant& other) : refuse(other.refuse) {
        if (refuse) throw std::runtime_error("no copies");
    }
    reluctant(reluctant&&) noexcept = default;
    reluctant& operator=(const reluctant&) = default;
    reluctant& operator=(reluctant&&) noexcept = default;

    bool refuse;
    tracked counted;
};

/// Nothing but bytes, each of which tells the value and its place.
template <std::size_t Size> struct bytes {
    explicit bytes(int value) {
        for (std::size_t i = 0; i < Size; ++i) all[i] = byte_of(value, i);
    }
    bool is(int value) const {
        for (std::size_t i = 0; i < Size; ++i) {
            if (all[i] != byte_of(value, i)) return false;
        }
        return true;
    }
    static unsigned char byte_of(int value, std::size_t at) {
        return static_cast<unsigned char>(static_cast<std::size_t>(value) * 31 + at);
    }
    std::array<unsigned char, Size> all;
};

/// Uses a channel of its own whenever it is moved, copied or destroyed: were one of our locks held
/// then, or an unfinished state visible, this would hang or break.
class waiting {
public:
    explicit waiting(coir::chan<int> side) : side_(std::move(side)) {}
    waiting(const waiting& other) : side_(other.side_) { wait(); }
    waiting(waiting&& other) noexcept : side_(other.side_) { wait(); }
    waiting& operator=(const waiting&) = delete;
    waiting& operator=(waiting&& other) noexcept {
        side_ = other.side_;
        wait();
        return *this;
    }
    ~waiting() { wait(); }

private:
    void wait() const {
        if (side_ == nullptr) return;
        static_cast<void>(side_.send(1));
    }

    coir::chan<int> side_;
    tracked counted_;
};

/// Reads and writes the very channel it travels through whenever it is moved or destroyed.
class nosy {
public:
    explicit nosy(coir::chan<nosy>* home) : home_(home) {}
    nosy(nosy&& other) noexcept : home_(other.home_) { look(); }
    nosy& operator=(nosy&&) = delete;
    ~nosy() { look(); }

private:
    void look() const { static_cast<void>(home_ && *home_ && home_->size() + home_->capacity()); }

    coir::chan<nosy>* home_;
};

} // namespace

template <> inline constexpr bool coir::enable_sendable<nosy> = true;

TEST_CASE("values that can only be moved are sent and received") {
    for_each_chan<std::unique_ptr<int>>([](crew& members, coir::chan<std::unique_ptr<int>> ch) {
        members.start([ch] {
            for (int i = 0; i < 10; ++i) CHECK(ch.send(std::make_unique<int>(i)));
            auto value = std::make_unique<int>(10);
            CHECK(ch.send(std::move(value)));
            CHECK(!value);
        });
        std::unique_ptr<int> out;
        CHECK(ch.recv_for(1h, out) == channel_status::success);
        CHECK(*out == 0);
        for (int i = 1; i <= 10; ++i) CHECK(*ch.recv().value() == i);
    });
}

TEST_CASE("an lvalue is copied once and stays as it was") {
    for_each_chan<tracked>([](crew& members, coir::chan<tracked> ch) {
        members.start([ch] {
            const tracked value{5};
            tracked changing{6};
            CHECK(ch.send(value));
            CHECK(ch.send(changing));
            CHECK(value == 5);
            CHECK(changing == 6);
        });
        const long before = tracked::copies.load();
        CHECK(ch.recv()->value() == 5);
        CHECK(ch.recv()->value() == 6);
        members.join();
        CHECK(tracked::copies.load() - before <= 2);
    });
}

TEST_CASE_TEMPLATE("plain bytes of any size arrive as they were", T, bytes<1>, bytes<2>, bytes<4>,
                   bytes<8>, bytes<16>, bytes<17>, bytes<5000>) {
    for_each_chan<T>([](crew& members, coir::chan<T> ch) {
        members.start([ch] {
            for (int i = 0; i < 10; ++i) CHECK(ch.send(T(i)));
            ch.close();
        });
        int received = 0;
        for (const T& value : ch) CHECK(value.is(received++));
        CHECK(received == 10);
    });
}

TEST_CASE("an rvalue is never copied") {
    for_each_chan<tracked>([](crew& members, coir::chan<tracked> ch) {
        const long before = tracked::copies.load();
        members.start([ch] {
            for (int i = 0; i < 100; ++i) CHECK(ch.send(tracked{i}));
        });
        for (int i = 0; i < 100; ++i) CHECK(ch.recv()->value() == i);
        members.join();
        CHECK(tracked::copies.load() == before);
    });
}

TEST_CASE("a throwing copy leaves the channel as it was") {
    for_each_chan<reluctant>([](crew& members, coir::chan<reluctant> ch) {
        const reluctant refusing{true};
        const reluctant willing{false};
        const auto check_throws = [&] {
            CHECK_THROWS_AS(static_cast<void>(ch.send(refusing)), std::runtime_error);
            CHECK_THROWS_AS(static_cast<void>(ch.send_for(1s, refusing)), std::runtime_error);
        };
        if (ch.capacity() > 0) {
            check_throws();
            CHECK_THROWS_AS(static_cast<void>(ch.try_send(refusing)), std::runtime_error);
            CHECK(ch.size() == 0);
            CHECK(ch.send(willing));
            CHECK(ch.size() == 1);
            check_throws();
            CHECK(ch.recv().has_value());
        }
        // With a receiver parked: it must stay parked and get the next value.
        members.start([ch] { CHECK(ch.recv().has_value()); });
        members.settle();
        check_throws();
        CHECK(ch.send(willing));
        members.join();
    });
}

TEST_CASE("a throwing copy in a select case leaves the channel as it was") {
    for_each_crew([](crew& members) {
        const coir::chan<reluctant> ch;
        const reluctant refusing{true};
        members.start([ch] { CHECK(ch.recv().has_value()); });
        members.settle();
        CHECK_THROWS_AS(coir::select(ch.on_send(refusing), coir::on_timeout(1h)),
                        std::runtime_error);
        CHECK(ch.send(reluctant{false}));
        members.join();
    });
}

TEST_CASE("a value whose copies, moves and destructor wait passes through") {
    for_each_chan<waiting>([](crew& members, coir::chan<waiting> ch) {
        const coir::chan<int> side;
        std::atomic<bool> over{false};
        crew listeners{members.coroutines() ? 2 : 0};
        listeners.start([side] {
            while (side.recv()) {}
        });
        members.start([&, ch, side] {
            for (int i = 0; i < 5; ++i) CHECK(ch.send(waiting{side}));
            const waiting kept{side};
            CHECK(ch.send(waiting{kept}));
            over.store(true);
        });
        for (int i = 0; i < 6; ++i) CHECK(ch.recv().has_value());
        members.join();
        CHECK(over.load());
        // Those that a channel destroys, too: left in the buffer, and with the last handle.
        if (ch.capacity() > 0) {
            CHECK(ch.send(waiting{side}));
            ch = nullptr;
        }
        side.close();
        listeners.join();
    });
}

TEST_CASE("a value may use the channel that carries it while it is moved") {
    for_each_crew([](crew& members) {
        for (const std::size_t capacity : capacities) {
            coir::chan<nosy> ch = make_chan<nosy>(capacity);
            const coir::chan<nosy> other = ch;
            members.start([&ch, other] {
                for (int i = 0; i < 20; ++i) CHECK(other.send(nosy{&ch}));
            });
            for (int i = 0; i < 20; ++i) CHECK(other.recv().has_value());
            members.join();
        }
    });
}

TEST_CASE("exactly the values sent are constructed and destroyed") {
    for_each_chan<tracked>([](crew& members, coir::chan<tracked> ch) {
        const long before = tracked::live.load();
        static constexpr int count = 500;
        members.start([ch] {
            for (int i = 0; i < count; ++i) CHECK(ch.send(tracked{i}));
        });
        for (int i = 0; i < count; ++i) {
            tracked out;
            CHECK(ch.recv_for(1h, out) == channel_status::success);
            CHECK(out == i);
        }
        members.join();
        CHECK(tracked::live.load() == before);
    });
}

TEST_CASE("recv into a T leaves nothing of the old value") {
    for_each_crew([](crew&) {
        const coir::chan<tracked> ch(1);
        std::optional<tracked> out{std::in_place, 7};
        CHECK(ch.send(tracked{8}));
        CHECK(ch.try_recv(out) == channel_status::success);
        CHECK(*out == 8);
    });
}

TEST_CASE("the destructor of a buffered value runs when the last receiver goes, and may send") {
    for_each_crew([](crew&) {
        struct farewell {
            explicit farewell(coir::chan<int> to) : to_(std::move(to)) {}
            farewell(farewell&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
            farewell& operator=(farewell&&) = delete;
            ~farewell() {
                if (to_ != nullptr) static_cast<void>(to_.send(1));
            }
            coir::chan<int> to_;
        };
        const coir::chan<int> goodbyes(10);
        auto [tx, rx] = coir::channel<farewell>(10);
        for (int i = 0; i < 10; ++i) CHECK(tx.send(farewell{goodbyes}));
        rx = nullptr;
        CHECK(goodbyes.size() == 10);
        CHECK(!tx.send(farewell{nullptr}));
    });
}
