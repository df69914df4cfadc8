/* SPDX-License-Identifier: MIT
 * lib/sched/idle.hpp, worker.cpp (find_work, sleep), runtime_core.hpp (announce)
 *
 * Work is put into the shared queue by a thread outside, which wakes a sleeper if some sleep and
 * none searches. Two workers take it, search, and fall asleep. However it interleaves, no work is
 * left in the queue while everybody sleeps.
 *   announce    store the queue; full fence; load sleeping and searching
 *   sleep       store sleepers, leave searching; full fence; load the queue
 *
 * BROKEN_ANNOUNCE_FENCE  the pusher looks at the sleepers before its push can be seen
 * BROKEN_SLEEP_FENCE     the worker looks at the queue before its sleep can be seen
 * BROKEN_LAST_LOOK       the worker does not look again at all
 * BROKEN_WOKEN_COUNTS    a woken worker does not count as searching, and falls asleep by chance
 *                        before it has looked (a wake-up that is spared on its account is lost)
 */
#include "store_buffer.pml"

#define WORKERS 2
#define LIMIT 1
#define ITEMS 2

byte queued = 0;             /* what is in the queue, for whoever holds its lock */
BUFFERED(size);              /* what others see of it without: written late by the pusher */
byte sleeping_late[WORKERS]; /* 1 where a worker's entry is not visible yet */
byte asleep[WORKERS];        /* the list itself, under its lock */
byte searching = 0;
bool signalled[WORKERS];     /* the ring's wake-up: lasts until the next wait */
byte done = 0;

inline count_sleeping(count) {
    count = (asleep[0] && !sleeping_late[0]) + (asleep[1] && !sleeping_late[1])
}

inline wake_one() {
    atomic {
        if
        :: asleep[0] -> asleep[0] = 0; sleeping_late[0] = 0; searching++; signalled[0] = true
        :: asleep[1] -> asleep[1] = 0; sleeping_late[1] = 0; searching++; signalled[1] = true
        :: else
        fi
    }
}

inline hint() {
    count_sleeping(seen);
    if
    :: seen != 0 && searching == 0 -> wake_one()
    :: else
    fi
}

active proctype pusher() {
    byte seen;
    byte i = 0;
    do
    :: i < ITEMS ->
       atomic { queued++; STORE_LATE(size, queued) }
#ifndef BROKEN_ANNOUNCE_FENCE
       FENCE(size);
#endif
       hint();
       i++
    :: else -> break
    od
}

proctype worker(byte me) {
    bool mine = false; /* counted in searching */
    bool got;
    byte seen;
find_work:
    /* The queue is popped under its lock: that sees what is there. */
    got = false;
    if
    :: size > 0 -> atomic {
           if :: queued > 0 -> queued--; got = true; STORE_NOW(size, queued) :: else fi }
    :: else
    fi;
    if
    :: got ->
       if
       :: mine -> mine = false;
          atomic { searching--; got = (searching == 0) }
          if :: got && size > 0 -> hint() :: else fi
       :: else
       fi;
       done++;
       goto find_work
    :: else
    fi;
    atomic { if :: !mine && searching < LIMIT -> searching++; mine = true :: else fi }
    /* sleep() */
    atomic { asleep[me] = 1; sleeping_late[me] = 1 }
    if :: mine -> mine = false; searching-- :: else fi;
#ifndef BROKEN_SLEEP_FENCE
    sleeping_late[me] == 0;
#endif
#ifdef BROKEN_LAST_LOOK
    if
    :: skip ->
#else
    if
    :: size > 0
    :: size == 0 ->
#endif
end:   signalled[me] -> signalled[me] = false
    fi;
    atomic {
        if
        :: asleep[me] -> asleep[me] = 0; sleeping_late[me] = 0
        :: else -> /* somebody has taken us out and counts us as searching */
#ifdef BROKEN_WOKEN_COUNTS
           skip
#else
           mine = true
#endif
        fi
    }
    goto find_work
}

active proctype drain_size() { end: DRAIN(size) }
active proctype drain_sleepers() {
end:
    do
    :: sleeping_late[0] -> sleeping_late[0] = 0
    :: sleeping_late[1] -> sleeping_late[1] = 0
    od
}

/* Nothing moves any more: then all is done. */
active proctype monitor() { end: timeout -> assert(done == ITEMS) }

init { atomic { run worker(0); run worker(1) } }
