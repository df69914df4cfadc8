/* SPDX-License-Identifier: MIT
 * lib/sched/start_deque.hpp
 *
 * The owner pushes, and takes the newest; two thieves take the oldest. The owner's stores of tail
 * reach the others late. Each coroutine is taken exactly once, and none is lost.
 *
 * BROKEN_FENCE     the owner looks at head while its store of tail may still be on its way
 * BROKEN_LAST      the owner takes the last one without the compare-exchange
 * BROKEN_EXCHANGE  a thief moves head without comparing
 */
#include "store_buffer.pml"

#define CAPACITY 2
#define ITEMS 3
#define SLOT(i) slots[(i) % CAPACITY]

BUFFERED(tail);
byte slots[CAPACITY];
byte head = 0;
byte taken[ITEMS + 1];

inline take(item) {
    assert(item != 0);
    taken[item]++;
    assert(taken[item] == 1)
}

inline take_head(expected, won) {
    atomic { won = (head == expected); if :: won -> head = expected + 1 :: else fi }
}

/* `mine` is tail as the owner knows it. */
inline pop_newest() {
    h = head;
    if
    :: h == mine -> skip
    :: else ->
       mine--;
       STORE_LATE(tail, mine);
#ifndef BROKEN_FENCE
       FENCE(tail);
#endif
       h = head;
       if
       :: h < mine -> take(SLOT(mine))
       :: h == mine ->
#ifdef BROKEN_LAST
          won = true;
          head = h + 1;
#else
          take_head(h, won);
#endif
          if :: won -> take(SLOT(mine)) :: else fi;
          mine++;
          STORE_LATE(tail, mine)
       :: else ->
          mine++;
          STORE_LATE(tail, mine)
       fi
    fi
}

active proctype owner() {
    byte next = 1;
    byte mine = 0;
    byte h;
    bool won;
    do
    :: next <= ITEMS && mine - head < CAPACITY ->
       SLOT(mine) = next;
       mine++;
       STORE_LATE(tail, mine);
       next++
    :: next > 1 -> pop_newest(); if :: next > ITEMS && head == mine -> break :: else fi
    od
}

active [2] proctype thief() {
    byte h, seen, item;
    bool won;
    byte tries = 0;
    do
    :: tries == 2 -> break
    :: tries < 2 -> tries++;
       h = head;
       seen = tail;
       if
       :: seen <= h -> skip
       :: else ->
          item = SLOT(h);
#ifdef BROKEN_EXCHANGE
          won = true;
          head = h + 1;
#else
          take_head(h, won);
#endif
          if :: won -> take(item) :: else fi
       fi
    od
}

active proctype memory() {
end:
    DRAIN(tail)
}

active proctype monitor() {
    byte i = 1;
end:
    timeout ->
    do
    :: i <= ITEMS -> assert(taken[i] == 1); i++
    :: else -> break
    od
}
