/* SPDX-License-Identifier: MIT
 * lib/wait/cancellation.hpp, park.cpp (commit), base/asymmetric_fence.hpp
 *
 * A coroutine opens its wait while its scope is cancelled and while a peer completes it.
 *   parker      store the open word; light fence; load the flag
 *   canceller   store the flag; heavy fence; load the word
 * One of the two must see the other, or the coroutine sleeps in a cancelled scope for ever; and
 * whoever comes first, exactly one ends the wait.
 *
 * BROKEN_HEAVY_FENCE  the heavy side fences only itself
 * BROKEN_FLAG_FIRST   the parker looks at the flag before it opens the wait
 * BROKEN_CLAIM        the claim is a load and a store instead of a compare-exchange
 */
#include "store_buffer.pml"

#define NONE 0
#define OPEN 1
#define CLAIMED 2

BUFFERED(word);  /* written late by the parker only */
BUFFERED(flag);  /* written late by the canceller only */
byte wakes = 0;
bool peer_gives_up = false;

inline claim(won) {
#ifdef BROKEN_CLAIM
    won = (word == OPEN);
    if :: won -> word = CLAIMED :: else fi
#else
    atomic { won = (word == OPEN); if :: won -> word = CLAIMED :: else fi }
#endif
}

active proctype parker() {
    bool won = false;
    byte seen;
#ifdef BROKEN_FLAG_FIRST
    seen = flag;
    STORE_LATE(word, OPEN);
#else
    STORE_LATE(word, OPEN);
    seen = flag; /* the light fence stops only the compiler */
#endif
    if
    :: seen -> FENCE(word); claim(won) /* a compare-exchange sees the own store */
    :: else
    fi;
    if :: won -> wakes++ :: else fi;
    /* asleep until somebody has claimed the wait */
    wakes > 0
}

active proctype canceller() {
    bool won = false;
    STORE_LATE(flag, 1);
    FENCE(flag);
#ifndef BROKEN_HEAVY_FENCE
    FENCE(word); /* membarrier: every thread of the process has fenced */
#endif
    claim(won);
    if :: won -> wakes++ :: else fi
}

/* Another party that may end the wait, or never come. */
active proctype peer() {
    bool won = false;
    if
    :: peer_gives_up = true
    :: claim(won)
    fi;
    if :: won -> wakes++ :: else fi
}

active proctype drain_word() { end: DRAIN(word) }
active proctype drain_flag() { end: DRAIN(flag) }

/* Never woken twice: the second wake-up would resume a coroutine that runs. */
active proctype monitor() { end: wakes > 1 -> assert(false) }
