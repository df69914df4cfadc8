// SPDX-License-Identifier: MIT
#include "farm/prime_factors.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace farm {

namespace {

using u64 = std::uint64_t;
__extension__ using u128 = unsigned __int128;

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

} // namespace

std::vector<u64> prime_factors(u64 n) {
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

} // namespace farm
