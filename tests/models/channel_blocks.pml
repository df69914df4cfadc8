/* SPDX-License-Identifier: MIT
 * lib/chan/element_queue.hpp: reserve, mark_filled, take, release; append_block, leave_block, recycle
 *
 * Two producers and two consumers move six elements through blocks of two slots; what is moved is
 * moved outside the lock, so slots are filled and released out of order. Nobody touches a slot whose
 * block has been given back or begun anew, and the elements leave in the order of their slots.
 *
 * BROKEN_FREED_WHEN_TAKEN  a block is given back when its last slot is taken
 * BROKEN_COUNTS_TAKEN      a block's count goes up when a slot is taken, not when it is released
 * BROKEN_SPARE_TWICE       the spare block is used, but not forgotten
 */
#define IN_BLOCK 2
#define ELEMENTS 6
#define BLOCKS 4 /* pieces of memory */
#define nothing BLOCKS

bool locked = false;
bool used[BLOCKS];     /* between append_block and recycle */
byte begun[BLOCKS];    /* how often: tells a slot from one in the same memory later */
byte next[BLOCKS];
byte whole[BLOCKS];     /* a bit for each slot */
byte let_go[BLOCKS];
byte head = nothing;
byte tail = nothing;
byte spare = nothing;
byte head_index = 0;
byte tail_index = 0;
byte count = 0;
byte made = 0;
byte gone = 0;

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline new_block(block) {
    if
    :: spare != nothing ->
       block = spare;
#ifndef BROKEN_SPARE_TWICE
       spare = nothing
#endif
    :: else ->
       block = 0;
       do
       :: used[block] || block == spare -> block++
       :: else -> break
       od
    fi;
    assert(!used[block]);
    used[block] = true;
    begun[block]++;
    next[block] = nothing;
    whole[block] = 0;
    let_go[block] = 0
}

inline append_block(block) {
    new_block(block);
    if :: tail != nothing -> next[tail] = block :: else fi;
    if :: head == nothing -> head = block; head_index = 0 :: else fi;
    tail = block;
    tail_index = 0
}

inline recycle(block) {
    used[block] = false;
    if :: spare == nothing -> spare = block :: else fi
}

/* Under the lock nobody else moves: the steps of one hold are one. */
proctype producer() {
    byte block;
    byte index;
    byte use;
    do
    :: lock();
       d_step {
           if
           :: made == ELEMENTS -> block = nothing
           :: else ->
              made++;
              if :: tail == nothing || tail_index == IN_BLOCK -> append_block(block) :: else fi;
              block = tail;
              index = tail_index;
              tail_index++;
              count++;
              use = begun[block]
           fi;
           unlock()
       }
       if :: block == nothing -> break :: else fi;
       assert(used[block] && begun[block] == use); /* moved in */
       lock();
       d_step {
           assert(used[block] && begun[block] == use);
           whole[block] = whole[block] | (1 << index);
           unlock()
       }
    od
}

proctype consumer() {
    byte block;
    byte index;
    byte use;
    do
    :: atomic { !locked && (gone == ELEMENTS || (count != 0 && ((whole[head] >> head_index) & 1))) ->
           locked = true }
       d_step {
           if
           :: gone == ELEMENTS -> block = nothing
           :: else ->
              gone++;
              count--;
              block = head;
              index = head_index;
              use = begun[block];
              head_index++;
              if
              :: head_index == IN_BLOCK ->
                 head = next[head];
                 head_index = 0;
                 if :: head == nothing -> tail = nothing :: else fi
#ifdef BROKEN_FREED_WHEN_TAKEN
                 ; recycle(block)
#endif
              :: else
              fi
#ifdef BROKEN_COUNTS_TAKEN
              ; let_go[block]++;
              if :: let_go[block] == IN_BLOCK -> recycle(block) :: else fi
#endif
           fi;
           unlock()
       }
       if :: block == nothing -> break :: else fi;
       assert(used[block] && begun[block] == use); /* moved out */
       lock();
       d_step {
#if !defined(BROKEN_FREED_WHEN_TAKEN) && !defined(BROKEN_COUNTS_TAKEN)
           let_go[block]++;
           if :: let_go[block] == IN_BLOCK -> recycle(block) :: else fi;
#endif
           unlock()
       }
    od
}

init {
    atomic {
        run producer();
        run producer();
        run consumer();
        run consumer()
    }
}
