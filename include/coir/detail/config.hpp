// SPDX-License-Identifier: MIT
#pragma once
// Owns what every other header may ask of the compiler: visibility, inlining, sanitizers.

#if !defined(__cpp_exceptions)
#error coir needs exceptions: cancellation is one. Build without -fno-exceptions.
#endif
#if __cplusplus < 202002L
#error coir needs C++20: build with -std=c++20 or a later one.
#endif

#define COIR_API [[gnu::visibility("default")]]
#define COIR_NOINLINE [[gnu::noinline]]
#define COIR_COLD [[gnu::cold, gnu::noinline]]

// For thin outer functions, so that the call site of the inner one is in the user's code.
#define COIR_ALWAYS_INLINE [[gnu::always_inline]] inline

// Where the function that says it was called from; the function must be COIR_NOINLINE.
#define COIR_CALL_SITE __builtin_extract_return_addr(__builtin_return_address(0))

#if defined(__SANITIZE_ADDRESS__)
#define COIR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COIR_ASAN 1
#endif
#endif
#ifndef COIR_ASAN
#define COIR_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define COIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COIR_TSAN 1
#endif
#endif
#ifndef COIR_TSAN
#define COIR_TSAN 0
#endif
