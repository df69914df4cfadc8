/* SPDX-License-Identifier: MIT
 * lib/sched/run_session.hpp, base/asymmetric_fence.hpp
 *
 * The end of run waits until the counts of started and ended coroutines are equal; two workers each
 * end one.
 *   count_end          store ended; light fence; load stopping; if set: full fence, sum, wake
 *   wait_until_empty   store stopping; heavy fence; sum; sleep on the futex
 *
 * BROKEN_HEAVY_FENCE  the waiter fences only itself
 * BROKEN_END_FENCE    the enders do not fence between their own end and the sum
 */
#include "store_buffer.pml"

BUFFERED(ended0);
BUFFERED(ended1);
BUFFERED(stopping);
byte ends = 0; /* the futex */

#ifdef BROKEN_END_FENCE
#define OWN_END_FENCE(mine) skip
#define OWN_END(mine) (mine##_buffered || mine)
#else
#define OWN_END_FENCE(mine) FENCE(mine)
#define OWN_END(mine) mine
#endif
#define ANNOUNCE(mine, others)                     \
    if                                             \
    :: OWN_END_FENCE(mine);                        \
       if                                          \
       :: OWN_END(mine) && others -> ends++        \
       :: !(OWN_END(mine) && others)               \
       fi                                          \
    fi

active proctype ender0() {
    STORE_LATE(ended0, 1);
    if :: stopping -> ANNOUNCE(ended0, ended1) :: else fi
}
active proctype ender1() {
    STORE_LATE(ended1, 1);
    if :: stopping -> ANNOUNCE(ended1, ended0) :: else fi
}

active proctype waiter() {
    byte seen;
    STORE_LATE(stopping, 1);
    FENCE(stopping);
#ifndef BROKEN_HEAVY_FENCE
    FENCE(ended0);
    FENCE(ended1);
#endif
    do
    :: seen = ends;
       if :: ended0 && ended1 -> break :: else fi;
       ends != seen /* futex_wait */
    od
}

active proctype drain0() { end: DRAIN(ended0) }
active proctype drain1() { end: DRAIN(ended1) }
active proctype drain2() { end: DRAIN(stopping) }
