/* SPDX-License-Identifier: MIT
 * lib/wait/park.hpp, park.cpp, claim.hpp, sched/worker.hpp
 *
 * A coroutine parks with the lock of the queue held; what opens its wait runs on the other side of
 * the switch, on the worker's next stack (commit), and uses the frame of the coroutine. A peer takes
 * it out of the queue and a timer claims it as soon as the wait is open; both may have it resumed on
 * another worker while commit is still at work. The coroutine leaves its frame only when `settled`.
 *
 * BROKEN_SETTLED     the coroutine does not wait for commit to be through
 * BROKEN_EARLY_OPEN  the wait is opened before the switch has saved the registers
 * BROKEN_CLAIM       the timer does not claim, it resumes
 */
#define NONE 0
#define OPEN 1
#define CLAIMED 2

byte word = NONE;
bool locked = false;
bool enqueued = false;
bool saved = false;      /* the registers of the coroutine */
bool settled = false;
bool frame_alive = true;
bool timer_armed = false;
byte resumed = 0;

inline claim(won) {
    atomic { won = (word == OPEN); if :: won -> word = CLAIMED :: else fi }
}
inline resume() {
    assert(saved); /* nobody may run a coroutine whose registers are not there */
    resumed++;
    assert(resumed == 1)
}

/* The worker that the coroutine leaves, then the same worker behind the switch. */
active proctype leaving_worker() {
    atomic { !locked -> locked = true }
    enqueued = true;
#ifdef BROKEN_EARLY_OPEN
    word = OPEN;
    timer_armed = true;
    saved = true;
#else
    saved = true;
    assert(frame_alive); word = OPEN;
    assert(frame_alive); timer_armed = true;
#endif
    assert(frame_alive); locked = false; /* the request says what to release */
    assert(frame_alive); settled = true
}

/* The coroutine, on whatever worker resumed it. */
active proctype coroutine() {
    resumed > 0;
#ifndef BROKEN_SETTLED
    settled;
#endif
    timer_armed = false;
    frame_alive = false
}

active proctype peer() {
    bool won = false;
    bool there;
    do
    :: skip -> break /* it may never come: then the timer does it */
    :: atomic { !locked -> locked = true };
       there = enqueued;
       enqueued = false;
       if :: there -> claim(won) :: else fi;
       locked = false;
       if :: won -> resume() :: else fi;
       if :: there -> break :: else fi
    od
}

active proctype timer() {
    bool won = false;
end:
    timer_armed;
#ifdef BROKEN_CLAIM
    won = true;
#else
    claim(won);
#endif
    if :: won -> resume() :: else fi
}
