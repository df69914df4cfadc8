/* SPDX-License-Identifier: MIT
 * lib/chan/channel_core.cpp: begin_send, begin_receive, finish_*, settle, pump_one, withdraw
 *
 * Three elements are sent by two senders to a channel of capacity 1, two receivers want one each; every
 * move is made outside the lock, as for elements with a constructor. A receiver that waits may give up once,
 * and tries again. No element arrives twice, none is read before it is whole, there are never more
 * than the capacity, and nobody is left asleep (the checker finds those who cannot end).
 *
 * BROKEN_NO_PUMP      who has emptied a slot does not look whether a sender waits for it
 * BROKEN_NO_FILLED    the first slot is taken though it may still be written
 * BROKEN_NO_LEAVING   a slot counts as free while its element is being moved out
 * BROKEN_NO_CLAIM     a waiter is served without a claim, though it may just be giving up
 */
#define CAPACITY 1
#define SLOTS 3 /* as many as elements: none is used twice */
#define PARTIES 4

mtype = { reserved, filled, taken, released };

bool locked = false;
mtype slot[SLOTS];
byte content[SLOTS];
byte head = 0;
byte tail = 0;
byte leaving = 0;
byte busy = 0;
chan senders = [PARTIES] of { byte };
chan receivers = [PARTIES] of { byte };
bool claimed[PARTIES];
bool woken[PARTIES];
byte value[PARTIES]; /* what a party gives or gets; numbers begin with 1 */
bool arrived[SLOTS + 1];

#define size (tail - head)
#ifdef BROKEN_NO_LEAVING
#define has_room (size < CAPACITY)
#else
#define has_room (size + leaving < CAPACITY)
#endif
#ifdef BROKEN_NO_FILLED
#define front_is_filled (size != 0)
#else
#define front_is_filled (size != 0 && slot[head] == filled)
#endif

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* The first of a queue whose claim succeeds; `none` without one. Under the lock. */
#define none PARTIES
inline claim_from(queue, found) {
    found = none;
    do
    :: found == none && len(queue) > 0 -> atomic {
           queue?found;
#ifndef BROKEN_NO_CLAIM
           if :: claimed[found] -> found = none :: else -> claimed[found] = true fi
#else
           claimed[found] = true
#endif
       }
    :: else -> break
    od
}

inline fill(place, number) { /* outside the lock */
    busy++;
    unlock();
    content[place] = number;
    lock();
    busy--;
    slot[place] = filled
}

inline reserve(place) {
    place = tail;
    tail++;
    slot[place] = reserved;
    assert(size + leaving <= CAPACITY)
}

inline take_out(place, number) { /* outside the lock */
    place = head;
    head++;
    slot[place] = taken;
    leaving++;
    busy++;
    unlock();
    number = content[place];
    assert(number != 0);
    lock();
    busy--;
    leaving--;
    slot[place] = released
}

/* Serves whoever can be served, then releases the lock and wakes them. */
inline settle() {
    do
    :: front_is_filled && (len(receivers) > 0) ->
       claim_from(receivers, peer);
       if
       :: peer != none -> take_out(place, value[peer]); served!peer
       :: else
       fi
    :: !(front_is_filled && (len(receivers) > 0)) && (len(senders) > 0) && has_room ->
       claim_from(senders, peer);
       if
       :: peer != none -> reserve(place); fill(place, value[peer]); served!peer
       :: else
       fi
    :: else -> break
    od;
    unlock();
    do
    :: len(served) > 0 -> served?peer; woken[peer] = true
    :: else -> break
    od
}

proctype sender(byte me; byte all; byte first) {
    byte sent = 0;
    byte place;
    byte peer;
    chan served = [PARTIES] of { byte };
    do
    :: sent < all ->
       value[me] = first + sent;
       sent++;
       lock();
       peer = none;
       if
       :: size == 0 -> claim_from(receivers, peer)
       :: else
       fi;
       if
       :: peer != none -> unlock(); value[peer] = value[me]; woken[peer] = true
       :: peer == none && has_room -> reserve(place); fill(place, value[me]); settle()
       :: else ->
          claimed[me] = false;
          woken[me] = false;
          senders!me;
          unlock();
          woken[me]
       fi
    :: else -> break
    od
}

proctype receiver(byte me) {
    byte number;
    byte place;
    byte peer;
    bool may_give_up = true;
    bool waits;
    chan served = [PARTIES] of { byte };
    do
    :: lock();
       waits = false;
       if
       :: busy != 0 && (len(receivers) > 0) -> waits = true
       :: else ->
          if
          :: front_is_filled ->
             take_out(place, number);
#ifdef BROKEN_NO_PUMP
             unlock()
#else
             settle()
#endif
          :: !front_is_filled && size != 0 -> waits = true
          :: else ->
             claim_from(senders, peer);
             if
             :: peer != none -> unlock(); number = value[peer]; woken[peer] = true
             :: else -> waits = true
             fi
          fi
       fi;
       if
       :: waits ->
          claimed[me] = false;
          woken[me] = false;
          value[me] = 0;
          receivers!me;
          unlock();
          if
          :: woken[me] -> number = value[me]
          :: atomic { may_give_up && !claimed[me] -> claimed[me] = true }
             may_give_up = false;
             number = 0;
             lock();
             if :: receivers??[eval(me)] -> receivers??eval(me) :: !receivers??[eval(me)] fi;
             unlock()
          fi
       :: else
       fi;
       if
       :: number != 0 ->
          assert(!arrived[number]);
          arrived[number] = true;
          break
       :: else
       fi
    od
}

init {
    atomic {
        run sender(0, 2, 1);
        run sender(1, 1, 3);
        run receiver(2);
        run receiver(3)
    }
}
