// SPDX-License-Identifier: MIT
#pragma once
// Owns who ran on one worker from when to when, as far as its records and the gaps between them
// tell.
//
// Who runs at the begin of a gap may have been left and come back in it. What is known: between two
// gaps without a record nothing changed; so the first record after a gap tells who ran since its
// end, and if that is the same turn as before (no wait has ended in between), the pieces between
// more gaps are part of it.

#include <cstdint>
#include <utility>
#include <vector>

namespace coir::detail {

class trace_runs {
public:
    /// Hands out each piece: draw(coroutine, begin, end, why it ended).
    template <typename Draw>
    void leave(std::uint64_t coroutine, std::uint64_t wait, std::uint64_t ticks, const char* why,
               const Draw& draw) {
        const bool is_same = coroutine == coroutine_;
        if (is_same && wait == wait_) {
            for (const auto& [begin, end] : unsure_) draw(coroutine, begin, end, cut);
        }
        if (since_ != 0 && (is_same || !is_sure_)) draw(coroutine, since_, ticks, why);
        idle();
    }

    void begin(std::uint64_t coroutine, std::uint64_t wait, std::uint64_t ticks) {
        idle();
        coroutine_ = coroutine;
        wait_ = wait;
        since_ = ticks;
    }

    /// Something was done by `coroutine`, or by the worker's loop if it is 0.
    void act(std::uint64_t coroutine) {
        if (is_sure_) return;
        if (coroutine == 0) return idle();
        if (coroutine != coroutine_) {
            coroutine_ = coroutine;
            wait_ = unknown;
            unsure_.clear();
        }
        is_sure_ = true;
    }

    template <typename Draw>
    void pass_gap(std::uint64_t begin, std::uint64_t end, const Draw& draw) {
        if (coroutine_ != 0) {
            if (is_sure_) {
                draw(coroutine_, since_, begin, cut);
            } else {
                unsure_.emplace_back(since_, begin);
            }
        }
        since_ = end;
        is_sure_ = false;
    }

private:
    static constexpr const char* cut = "not recorded";
    static constexpr std::uint64_t unknown = UINT64_MAX;

    void idle() {
        coroutine_ = since_ = 0;
        is_sure_ = true;
        unsure_.clear();
    }

    std::uint64_t coroutine_ = 0;                                 ///< 0: nobody, or unknown
    std::uint64_t wait_ = 0;                                      ///< the number of its last wait
    std::uint64_t since_ = 0;                                     ///< 0: nobody
    bool is_sure_ = true;                                         ///< no gap since it was seen
    std::vector<std::pair<std::uint64_t, std::uint64_t>> unsure_; ///< pieces between gaps
};

} // namespace coir::detail
