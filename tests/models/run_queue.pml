/* SPDX-License-Identifier: MIT
 * lib/sched/run_queue.hpp
 *
 * The owner pushes and pops; two thieves take half. Slots are read before the compare-exchange of
 * head decides whose they are. Each coroutine is taken exactly once, and none is lost.
 *
 * BROKEN_READ_LATE   a thief reads the slots after it has moved head: the owner may have reused them
 * BROKEN_EXCHANGE    a thief moves head without comparing
 * BROKEN_TAIL_FIRST  the owner publishes tail before the slot
 */
#define CAPACITY 2
#define ITEMS 4
#define SLOT(i) slots[(i) % CAPACITY]

byte slots[CAPACITY];
byte head = 0;
byte tail = 0;
byte taken[ITEMS + 1];

inline take(item) {
    assert(item != 0);
    taken[item]++;
    assert(taken[item] == 1)
}

inline pop_own() {
    h = head;
    do
    :: h == tail -> break
    :: else ->
       item = SLOT(h);
       atomic { if :: head == h -> head = h + 1; won = true :: else -> h = head; won = false fi }
       if :: won -> take(item); break :: else fi
    od
}

active proctype owner() {
    byte next = 1;
    byte h, item;
    bool won;
    do
    :: next <= ITEMS ->
       if
       :: tail - head < CAPACITY -> /* head may only have grown since */
#ifdef BROKEN_TAIL_FIRST
          tail++;
          SLOT(tail - 1) = next;
#else
          SLOT(tail) = next;
          tail++;
#endif
          next++
       :: else -> pop_own()
       fi
    :: next > 1 -> pop_own(); if :: next > ITEMS && head == tail -> break :: else fi
    od
}

/* Moves the older half elsewhere; here it takes both at once. */
active [2] proctype thief() {
    byte h, available, count, first, second;
    bool won;
    byte tries = 0;
    do
    :: tries == 2 -> break
    :: tries < 2 -> tries++;
       h = head;
       available = tail - h;
       if
       :: available == 0 || available > CAPACITY -> skip
       :: else ->
          count = available - available / 2;
          first = SLOT(h);
          second = 0;
          if :: count > 1 -> second = SLOT(h + 1) :: else fi;
#ifdef BROKEN_EXCHANGE
          won = true;
          head = h + count;
#else
          atomic { won = (head == h); if :: won -> head = h + count :: else fi }
#endif
          if
          :: won ->
#ifdef BROKEN_READ_LATE
             first = SLOT(h);
#endif
             take(first);
             if :: count > 1 -> take(second) :: else fi
          :: else
          fi
       fi
    od
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
