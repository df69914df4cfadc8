// SPDX-License-Identifier: MIT
#pragma once
// Owns what every other header may ask of the compiler: visibility, inlining, sanitizers.

#define COIR_API [[gnu::visibility("default")]]
#define COIR_NOINLINE [[gnu::noinline]]
#define COIR_COLD [[gnu::cold, gnu::noinline]]

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
