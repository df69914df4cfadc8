// SPDX-License-Identifier: MIT
// Factors the numbers on standard input, one a line, and prints them as factor(1) does, in any
// order: `seq 1 100000 | farm`. The lecture's Farm v3.0: main sends the numbers into one unbounded
// channel, as many workers as there are CPUs receive from it until it is closed and drained.

#include <coir/coir.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using u64 = std::uint64_t;
__extension__ using u128 = unsigned __int128;

// ---- factoring
// -----------------------------------------------------------------------------------

u64 multiply_mod(u64 a, u64 b, u64 modulus) { return static_cast<u64>(u128{a} * b % modulus); }

u64 power_mod(u64 base, u64 exponent, u64 modulus) {
    u64 result = 1;
    for (base %= modulus; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result = multiply_mod(result, base, modulus);
        base = multiply_mod(base, base, modulus);
    }
    return result;
}

/// Whether the odd n > 37 passes the Miller-Rabin test to this base; n - 1 == odd << twos.
bool is_probable_prime(u64 n, u64 base, u64 odd, int twos) {
    u64 x = power_mod(base, odd, n);
    if (x == 1 || x == n - 1) return true;
    for (int i = 1; i < twos; ++i) {
        x = multiply_mod(x, x, n);
        if (x == n - 1) return true;
    }
    return false;
}

/// For n without a divisor up to 37. The first twelve primes as bases leave no pseudoprime below
/// 2^64 (Sorenson and Webster, "Strong pseudoprimes to twelve prime bases", 2015).
bool is_prime(u64 n) {
    const int twos = std::countr_zero(n - 1);
    const u64 odd = (n - 1) >> twos;
    constexpr u64 bases[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
    for (const u64 base : bases)
        if (!is_probable_prime(n, base, odd, twos)) return false;
    return true;
}

/// Returns a divisor of the composite odd n, neither 1 nor n: Pollard's rho, in Brent's form, which
/// takes one gcd for many steps and goes back over them singly if they met both divisors at once.
u64 find_divisor(u64 n) {
    constexpr u64 steps_per_gcd = 128;
    for (u64 increment = 1;; ++increment) {
        const auto step = [&](u64 x) {
            return static_cast<u64>((u128{multiply_mod(x, x, n)} + increment) % n);
        };
        const auto distance = [](u64 a, u64 b) { return a > b ? a - b : b - a; };
        u64 fast = 2, slow = 2, checkpoint = 2, product = 1, divisor = 1;
        for (u64 lap = 1; divisor == 1; lap *= 2) {
            slow = fast;
            for (u64 i = 0; i < lap; ++i) fast = step(fast);
            for (u64 done = 0; done < lap && divisor == 1; done += steps_per_gcd) {
                checkpoint = fast;
                for (u64 i = std::min(steps_per_gcd, lap - done); i > 0; --i) {
                    fast = step(fast);
                    product = multiply_mod(product, distance(slow, fast), n);
                }
                divisor = std::gcd(product, n);
            }
        }
        for (u64 x = checkpoint; divisor == n;) {
            x = step(x);
            if (const u64 single = std::gcd(distance(slow, x), n); single != 1) {
                divisor = single;
                break;
            }
        }
        if (divisor != n) return divisor; // else both at once even so: another sequence
    }
}

void split(u64 n, std::vector<u64>& factors) {
    if (n == 1) return;
    if (is_prime(n)) return factors.push_back(n);
    const u64 divisor = find_divisor(n);
    split(divisor, factors);
    split(n / divisor, factors);
}

/// Returns the prime factors in ascending order; none for 0 and 1.
std::vector<u64> factor(u64 n) {
    constexpr u64 trial_limit = 256;
    std::vector<u64> factors;
    for (u64 p = 2; p < trial_limit && p * p <= n; p += p == 2 ? 1 : 2)
        for (; n % p == 0; n /= p) factors.push_back(p);
    if (n < trial_limit * trial_limit) {
        if (n > 1) factors.push_back(n);
        return factors;
    }
    split(n, factors);
    std::ranges::sort(factors);
    return factors;
}

// ---- input
// ---------------------------------------------------------------------------------------

/// Reads standard input by lines. A coroutine that waits for input gives its thread to the others.
class line_reader {
public:
    /// Returns the next line without its end, or nothing at the end of the input.
    std::optional<std::string> next() {
        std::string line;
        for (;;) {
            const auto end = std::find(position_, filled_, '\n');
            line.append(position_, end);
            if (end != filled_) {
                position_ = end + 1;
                return line;
            }
            if (!fill()) return line.empty() ? std::nullopt : std::optional(line);
        }
    }

private:
    bool fill() {
        const auto size = coir::blocking([this] {
            const auto got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
            if (got < 0) throw std::system_error(errno, std::generic_category(), "read");
            return got;
        });
        position_ = buffer_.data();
        filled_ = position_ + size;
        return size > 0;
    }

    std::array<char, 64 * 1024> buffer_;
    const char* position_ = buffer_.data();
    const char* filled_ = buffer_.data();
};

std::string_view trim(std::string_view line) {
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos) return {};
    return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

/// Returns the start of the line, without what could upset a terminal.
std::string excerpt(std::string_view line) {
    std::string text(line.substr(0, 60));
    std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return line.size() > text.size() ? text + "..." : text;
}

struct mistakes {
    std::size_t malformed = 0;
    std::size_t too_large = 0;
};

/// Reads a line's number, or says on standard error why there is none.
std::optional<u64> parse(std::string_view text, std::size_t line_number, mistakes& count) {
    u64 number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc{} && stop == end) return number;
    const bool too_large = error == std::errc::result_out_of_range && stop == end;
    ++(too_large ? count.too_large : count.malformed);
    std::fprintf(stderr, "farm: line %zu: \"%s\" is %s\n", line_number, excerpt(text).c_str(),
                 too_large ? "larger than 18446744073709551615" : "not a number");
    return std::nullopt;
}

// ---- the farm
// ------------------------------------------------------------------------------------

/// Prints the line in one piece; false if standard output takes no more.
bool print(u64 number) {
    std::string line = std::to_string(number) + ":";
    for (const u64 prime : factor(number)) line += " " + std::to_string(prime);
    line += '\n';
    return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
}

void work(const coir::receiver<u64>& numbers) {
    for (const u64 number : numbers)
        if (!print(number)) return; // when the last worker has gone, main's send says so
}

int run_farm(std::size_t workers) {
    auto [numbers_in, numbers] = coir::channel<u64>(coir::unbounded);
    std::vector<coir::task<void>> farm;
    for (std::size_t i = 0; i < workers; ++i) farm.push_back(coir::go(work, numbers));
    numbers = nullptr;

    mistakes count;
    line_reader input;
    std::size_t line_number = 0;
    while (const auto line = input.next()) {
        ++line_number;
        const auto text = trim(*line);
        if (text.empty()) continue;
        const auto number = parse(text, line_number, count);
        if (number && !numbers_in.send(*number)) break;
    }
    numbers_in = nullptr;
    for (auto& worker : farm) worker.join();

    if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
        std::fprintf(stderr, "farm: cannot write the results\n");
        return EXIT_FAILURE;
    }
    if (count.malformed + count.too_large == 0) return EXIT_SUCCESS;
    std::fprintf(stderr, "farm: %zu malformed and %zu too large lines left out\n", count.malformed,
                 count.too_large);
    return EXIT_FAILURE;
}

bool parse_workers(std::string_view text, std::size_t& workers) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, workers);
    return error == std::errc{} && stop == end && workers <= 1024;
}

} // namespace

int main(int argc, char** argv) try {
    std::size_t workers = 0; // one for each CPU
    const bool is_given = argc == 3 && std::string_view(argv[1]) == "--workers";
    if (argc != 1 && !(is_given && parse_workers(argv[2], workers))) {
        std::fprintf(stderr, "usage: farm [--workers N] < numbers\n");
        return 2;
    }
    coir::runtime runtime{{.workers = workers}};
    return runtime.run([&] { return run_farm(runtime.workers()); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "farm: %s\n", error.what());
    return EXIT_FAILURE;
}
