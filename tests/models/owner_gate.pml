/* SPDX-License-Identifier: MIT
 * lib/sched/owner_gate.hpp and .cpp, lib/sched/biased_lock.hpp, lib/base/asymmetric_fence.hpp
 *
 * A lock that is taken inside a gate, by the only worker of a runtime and by two other threads, each
 * twice. Whoever comes first decides whose the gate is.
 *   try_enter    store inside; light fence; look at the owner again
 *   lock         inside the gate: store locked; store outside.   Once it is open: exchange locked
 *   open_to_all  exchange the owner for `opening`; heavy fence; wait until not inside; store `open`
 * The stores of the owner to `locked` and `inside` reach the others late, in their order.
 *
 * BROKEN_HEAVY_FENCE   the opener fences only itself
 * BROKEN_SECOND_LOOK   the owner does not look again
 * BROKEN_OPENING       the gate is open to the third while the opener still waits for the owner
 * BROKEN_WAIT          the opener does not wait until the owner is outside
 * BROKEN_LEAVE_ORDER   the owner leaves the gate before it has stored `locked`
 */
#define VIRGIN 0
#define MINE 1
#define OPENING 2
#define OPEN 3

byte owner = VIRGIN;
bool inside = false;
bool locked = false;
byte in_section = 0;

/* What the owner has stored and others do not see yet: first in, first out. */
mtype = { set_inside, clear_inside, set_locked, clear_locked };
chan late = [6] of { mtype };
#define FENCED (len(late) == 0)

inline section() {
    in_section++;
    assert(in_section == 1);
    in_section--
}

active proctype owning_worker() {
    byte rounds = 0;
    bool entered;
    do
    :: rounds == 2 -> break
    :: rounds < 2 ->
       atomic { if :: owner == VIRGIN -> owner = MINE :: else fi }
       entered = false;
       if
       :: owner == MINE ->
          late ! set_inside;
#ifdef BROKEN_SECOND_LOOK
          entered = true
#else
          if :: owner == MINE -> entered = true :: else -> late ! clear_inside fi
#endif
       :: owner != MINE
       fi;
       if
       :: entered ->
#ifdef BROKEN_LEAVE_ORDER
          late ! clear_inside;
          late ! set_locked
#else
          late ! set_locked;
          late ! clear_inside
#endif
       :: else ->
          owner == OPEN;
          atomic { FENCED && !locked -> locked = true } /* an exchange empties the buffer */
       fi;
       section();
       late ! clear_locked;
       rounds++
    od
}

active [2] proctype other_thread() {
    byte rounds = 0;
    bool opener;
    do
    :: rounds == 2 -> break
    :: rounds < 2 ->
       opener = false;
       atomic {
           if
           :: owner == VIRGIN -> owner = OPEN
           :: owner == MINE ->
              opener = true;
#ifdef BROKEN_OPENING
              owner = OPEN
#else
              owner = OPENING
#endif
           :: else
           fi
       }
       if
       :: opener ->
#ifndef BROKEN_HEAVY_FENCE
          FENCED;
#endif
#ifndef BROKEN_WAIT
          !inside;
#endif
          owner = OPEN
       :: else -> owner == OPEN
       fi;
       atomic { !locked -> locked = true }
       section();
       locked = false;
       rounds++
    od
}

active proctype memory() {
end:
    do
    :: atomic { late ? set_inside -> inside = true }
    :: atomic { late ? clear_inside -> inside = false }
    :: atomic { late ? set_locked -> locked = true }
    :: atomic { late ? clear_locked -> locked = false }
    od
}
