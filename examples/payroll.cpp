// SPDX-License-Identifier: MIT
// Shows what poisoning saves: `pay_salaries` raises every employee and then takes the sum from the
// company. An exception in between leaves the books wrong. Behind a mutex the next payment goes on
// with wrong books; synchronized<T> refuses it until somebody has put them in order.

#include <coir/coir.hpp>
#include <coir/sync/mutex.hpp>
#include <coir/synchronized.hpp>

#include <cstdio>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct employee {
    std::string name;
    long account = 0;
    long salary = 100;
    bool frozen = false;
};

struct company {
    long account = 10'000;
    std::vector<employee> employees{{"Ada"}, {"Barbara"}, {"Grace", 0, 100, true}, {"Leslie"}};

    [[nodiscard]] long paid() const {
        return std::accumulate(employees.begin(), employees.end(), 0L,
                               [](long sum, const employee& one) { return sum + one.account; });
    }
};

constexpr long all_the_money = 10'000;

void pay_salaries(company& books) {
    long sum = 0;
    for (employee& one : books.employees) {
        if (one.frozen) throw std::runtime_error{"the account of " + one.name + " is frozen"};
        one.account += one.salary;
        sum += one.salary;
        coir::yield(); // asks the bank; others run meanwhile
    }
    books.account -= sum;
}

void print_books(const char* when, const company& books) {
    const long together = books.account + books.paid();
    std::printf("  %s: company %ld, employees %ld, together %ld (%+ld)\n", when, books.account,
                books.paid(), together, together - all_the_money);
}

/// Tries to pay, as two clerks do in turn, and tells what comes of it.
template <typename Pay> void try_to_pay(const char* clerk, Pay pay) {
    try {
        pay();
        std::printf("  %s: paid\n", clerk);
    } catch (const std::exception& failure) {
        std::printf("  %s: %s\n", clerk, failure.what());
    }
}

void with_mutex() {
    std::puts("behind a mutex:");
    coir::mutex lock;
    company books;
    const auto pay = [&] {
        const std::scoped_lock guard{lock};
        pay_salaries(books);
    };
    coir::go(try_to_pay<decltype(pay)>, "first clerk", pay).join();
    books.employees[2].frozen = false; // the bank has sorted that out
    coir::go(try_to_pay<decltype(pay)>, "second clerk", pay).join();
    print_books("at the end", books); // Ada and Barbara were paid twice, the company once
}

// From what is left in the employees' accounts of an unfinished payment.
void put_in_order(company& books) {
    for (employee& one : books.employees) one.account = 0;
    books.account = all_the_money;
}

void with_synchronized() {
    std::puts("in a synchronized:");
    coir::synchronized<company> books;
    const auto pay = [&] { pay_salaries(*books.lock()); };
    coir::go(try_to_pay<decltype(pay)>, "first clerk", pay).join();
    coir::go(try_to_pay<decltype(pay)>, "second clerk", pay).join(); // refused: nothing gets worse
    {
        auto guard = books.lock_poisoned();
        print_books("the auditor finds", *guard);
        put_in_order(*guard);
        guard->employees[2].frozen = false;
        books.clear_poison();
    }
    coir::go(try_to_pay<decltype(pay)>, "third clerk", pay).join();
    print_books("at the end", *books.lock());
}

} // namespace

int main() {
    return coir::run([] {
        with_mutex();
        with_synchronized();
        return 0;
    });
}
