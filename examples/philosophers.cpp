// SPDX-License-Identifier: MIT
// Five philosophers, five forks: whoever eats needs both forks beside the plate. std::scoped_lock
// takes them in a way that never ends in a deadlock. With --greedy each takes the left fork, waits
// until all have one, and then wants the right one: coir reports the deadlock and exits with 2.
//
//     philosophers [--greedy]

#include <coir/coir.hpp>
#include <coir/group.hpp>
#include <coir/sync/barrier.hpp>
#include <coir/sync/mutex.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace {

constexpr std::size_t seats = 5;
constexpr std::array<const char*, seats> names{"Anaximander", "Diotima", "Hypatia", "Plato",
                                               "Zeno"};
constexpr int meals = 100;

struct table {
    std::array<coir::mutex, seats> forks;
    std::array<bool, seats> fork_in_use{};
    std::array<int, seats> eaten{};
    int eating = 0;
    int most_eating = 0;
    coir::mutex count_lock;

    coir::mutex& left(std::size_t seat) { return forks[seat]; }
    coir::mutex& right(std::size_t seat) { return forks[(seat + 1) % seats]; }
};

// With both forks in hand.
void eat(table& shared, std::size_t seat) {
    for (const std::size_t fork : {seat, (seat + 1) % seats}) {
        if (shared.fork_in_use[fork]) std::printf("two philosophers hold fork %zu\n", fork);
        shared.fork_in_use[fork] = true;
    }
    {
        const std::scoped_lock guard{shared.count_lock};
        if (++shared.eating > shared.most_eating) shared.most_eating = shared.eating;
    }
    coir::yield();
    {
        const std::scoped_lock guard{shared.count_lock};
        --shared.eating;
    }
    for (const std::size_t fork : {seat, (seat + 1) % seats}) shared.fork_in_use[fork] = false;
    ++shared.eaten[seat];
}

void dine(table& shared, std::size_t seat) {
    for (int i = 0; i < meals; ++i) {
        coir::yield(); // thinks
        const std::scoped_lock forks{shared.left(seat), shared.right(seat)};
        eat(shared, seat);
    }
}

void dine_greedily(table& shared, coir::barrier<>& all_have_one, std::size_t seat) {
    const std::scoped_lock left{shared.left(seat)};
    all_have_one.arrive_and_wait();
    const std::scoped_lock right{shared.right(seat)};
    eat(shared, seat);
}

void seat_philosophers(bool greedy) {
    table shared;
    coir::barrier all_have_one{static_cast<std::ptrdiff_t>(seats)};
    coir::task_group guests;
    for (std::size_t seat = 0; seat < seats; ++seat) {
        guests.go({.name = names[seat]}, [&, seat, greedy] {
            if (greedy) {
                dine_greedily(shared, all_have_one, seat);
            } else {
                dine(shared, seat);
            }
        });
    }
    guests.wait();
    for (std::size_t seat = 0; seat < seats; ++seat) {
        std::printf("%s has eaten %d times\n", names[seat], shared.eaten[seat]);
    }
    std::printf("at most %d ate at once\n", shared.most_eating);
}

} // namespace

int main(int argc, char** argv) {
    const bool greedy = argc == 2 && std::strcmp(argv[1], "--greedy") == 0;
    if (argc > 1 && !greedy) {
        std::fputs("usage: philosophers [--greedy]\n", stderr);
        return 2;
    }
    coir::run([greedy] { seat_philosophers(greedy); });
    return 0;
}
