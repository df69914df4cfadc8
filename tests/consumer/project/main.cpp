// SPDX-License-Identifier: MIT
// A user's program: two coroutines and a channel, no more than it takes to need all of the library.

#include <coir/coir.hpp>

#include <cstdio>
#include <utility>

int main() {
    return coir::run([] {
        auto [sender, receiver] = coir::channel<int>(4);
        coir::task<void> producer = coir::go([sender = std::move(sender)] {
            for (int number = 1; number <= 10; ++number) {
                if (!sender.send(number)) {
                    return;
                }
            }
        });
        int sum = 0;
        for (const int number : receiver) {
            sum += number;
        }
        producer.join();
        std::printf("sum %d\n", sum);
        return 0;
    });
}
