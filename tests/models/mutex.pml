/* SPDX-License-Identifier: MIT
 * lib/sync/mutex.cpp, include/coir/sync/mutex.hpp
 *
 * Three parties lock and unlock; the word has the bits locked, waiting, woken and queue_held. Whoever
 * unlocks wakes the first who waits, unless one that was woken is still on its way; a waiter that
 * lost once has the mutex handed over. Nobody is left asleep, and at most one is inside.
 *
 * BROKEN_WOKEN_STAYS   a woken waiter that gets the mutex leaves `woken` set
 * BROKEN_LATE_WAITING  `waiting` is set after the look at `locked`, not in the same exchange
 * BROKEN_NO_WAKE       unlock wakes nobody while somebody else could take it
 */
#define PARTIES 3

bool locked = false;
bool waiting = false;
bool woken = false;
bool held = false; /* the queue's bit */
chan queue = [PARTIES] of { byte };
bool asks_for_handoff[PARTIES];
bool handed[PARTIES];
bool roused[PARTIES];
byte inside = 0;

inline unlock_mutex() {
    do
    :: atomic { !held && !(waiting && !woken) -> locked = false; break } /* one exchange */
#ifdef BROKEN_NO_WAKE
    :: atomic { !held && waiting && !woken -> locked = false; break }
#else
    :: atomic { !held && waiting && !woken -> held = true };
       queue?first;
       atomic { /* one store ends it */
           waiting = (len(queue) > 0);
           if
           :: asks_for_handoff[first] -> handed[first] = true
           :: else -> locked = false; woken = true
           fi;
           held = false
       }
       roused[first] = true;
       break
#endif
    od
}

active [PARTIES] proctype party() {
    byte me = _pid;
    byte first;
    bool mine = false; /* `woken` stands for us */
    byte losses = 0;
    do
    :: atomic { !locked -> locked = true;
#ifdef BROKEN_WOKEN_STAYS
           mine = false
#else
           if :: mine -> woken = false; mine = false :: else fi
#endif
       }
       break
#ifdef BROKEN_LATE_WAITING
    :: locked && !held -> atomic { !held -> held = true; }
       waiting = true;
       if :: mine -> woken = false; mine = false :: else fi;
#else
    :: atomic { locked && !held -> held = true; waiting = true;
           if :: mine -> woken = false; mine = false :: else fi }
#endif
       asks_for_handoff[me] = (losses > 0);
       queue!me;      /* one that has lost goes to the front; with a hand-off that changes nothing here */
       held = false;  /* behind the switch */
       roused[me];
       roused[me] = false;
       if
       :: handed[me] -> handed[me] = false; break
       :: else -> mine = true; losses = 1
       fi
    od;
    inside++;
    assert(inside == 1);
    inside--;
    unlock_mutex()
}
