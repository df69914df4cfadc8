/* SPDX-License-Identifier: MIT
 * lib/chan/select_core.hpp, wait/claim.hpp, wait/wait_queue.hpp
 *
 * Two selects face each other over two channels: each sends on one and receives from the other. A
 * third party would also receive from the first channel, and a cancellation strikes one select.
 * Each select ends once: by one partner, which has it as its own, or cancelled.
 *
 * BROKEN_ONE_LOCK  a select looks at its channels one lock at a time, registering as it goes, and
 *                  takes a ready case without asking whether it has been claimed meanwhile
 * BROKEN_WAIT      a select waits for the second lock while it holds the first
 * BROKEN_LET_GO    a select releases the first channel when it looks at the second
 * BROKEN_CLAIM     whoever finds a node takes it, without claiming
 */
#define PARTIES 3
#define CHANNELS 2
#define NONE 0
#define OPEN 1
#define CLAIMED 2
#define NOBODY 9
#define CANCELLED 8

bool locked[CHANNELS];
byte word[PARTIES];
byte partner[PARTIES];  /* who has been claimed by whom, from both sides */
/* Who waits at which channel; parties 0 sends on 0 and receives from 1, 1 the other way round, 2
 * receives from 0. One of each direction at most. */
bool nodes[CHANNELS * PARTIES * 2];
#define SEND 0
#define RECEIVE 1
#define NODE(verb, channel, party) nodes[((channel) * PARTIES + (party)) * 2 + (verb)]

inline lock(c) { atomic { !locked[c] -> locked[c] = true } }
inline unlock(c) { locked[c] = false }

inline claim(other, won) {
#ifdef BROKEN_CLAIM
    won = true
#else
    atomic { won = (word[other] == OPEN); if :: won -> word[other] = CLAIMED :: else fi }
#endif
}

/* Looks for a waiting party of the other direction; the lock of the channel is held. */
inline find_partner(verb, c) {
    other = 0;
    do
    :: found == NOBODY && other < PARTIES ->
       if
       :: NODE(verb, c, other) ->
          NODE(verb, c, other) = false;
          claim(other, won);
          if :: won -> found = other :: else fi
       :: else
       fi;
       other++
    :: else -> break
    od
}

/* Tries the case at this channel; a partner found before stays. */
inline look(c) {
    if :: out == c -> find_partner(RECEIVE, c) :: else -> find_partner(SEND, c) fi
}

inline commit_with(me, them) {
    assert(them != me);
    assert(partner[me] == NOBODY && partner[them] == NOBODY);
    atomic { partner[me] = them; partner[them] = me }
}

inline withdraw(me, c) {
    lock(c);
    NODE(SEND, c, me) = false;
    NODE(RECEIVE, c, me) = false;
    unlock(c)
}

proctype selector(byte me; byte out; byte into) {
    byte found = NOBODY;
    byte other;
    bool won;
#ifdef BROKEN_ONE_LOCK
    word[me] = OPEN; /* it can be found from its first registration on */
    lock(0);
    if :: out == 0 -> find_partner(RECEIVE, 0) :: else -> find_partner(SEND, 0) fi;
    if :: found == NOBODY && out == 0 -> NODE(SEND, 0, me) = true
       :: found == NOBODY && out != 0 -> NODE(RECEIVE, 0, me) = true
       :: else fi;
    unlock(0);
    if
    :: found == NOBODY ->
       lock(1);
       if :: out == 1 -> find_partner(RECEIVE, 1) :: else -> find_partner(SEND, 1) fi;
       if :: found == NOBODY && out == 1 -> NODE(SEND, 1, me) = true
          :: found == NOBODY && out != 1 -> NODE(RECEIVE, 1, me) = true
          :: else fi;
       unlock(1)
    :: else
    fi;
    if :: found != NOBODY -> commit_with(me, found); goto over :: else fi;
#else
    byte first, second;
    if :: first = 0 :: first = 1 fi; /* the order of the cases is random */
    second = 1 - first;
    lock(first);
    look(first);
    if :: found != NOBODY -> unlock(first); commit_with(me, found); goto over :: else fi;
#ifdef BROKEN_LET_GO
    unlock(first);
#endif
#ifdef BROKEN_WAIT
    lock(second);
    won = true;
#else
    atomic { won = !locked[second]; if :: won -> locked[second] = true :: else fi };
#endif
    if
    :: won -> look(second)
    :: else -> /* contended: all are released, and taken in the order of their addresses */
       unlock(first);
       lock(0); lock(1);
       look(first);
       look(second)
    fi;
    if
    :: found != NOBODY ->
       unlock(0); unlock(1);
       commit_with(me, found);
       goto over
    :: else
    fi;
    NODE(SEND, out, me) = true;
    NODE(RECEIVE, into, me) = true;
    word[me] = OPEN; /* behind the switch, the locks still held */
    unlock(0); unlock(1);
#endif
end_wait:
    partner[me] != NOBODY; /* woken by whoever has claimed us */
    withdraw(me, 0);
    withdraw(me, 1);
over:
    skip
}

/* A plain receive at channel 0. */
proctype receiver(byte me) {
    byte found = NOBODY;
    byte other;
    bool won;
    lock(0);
    find_partner(SEND, 0);
    if
    :: found != NOBODY -> unlock(0); commit_with(me, found)
    :: else -> NODE(RECEIVE, 0, me) = true; word[me] = OPEN; unlock(0);
end_wait:
       partner[me] != NOBODY
    fi
}

proctype canceller(byte victim) {
    bool won;
    claim(victim, won);
#ifdef BROKEN_CLAIM
    won = (word[victim] == OPEN);
#endif
    if :: won -> assert(partner[victim] == NOBODY); partner[victim] = CANCELLED :: else fi
}

/* At rest a pair agrees, and nobody waits who has a partner to be had. */
active proctype monitor() {
    byte i = 0;
end:
    timeout ->
    do
    :: i < PARTIES ->
       if
       :: partner[i] < PARTIES -> assert(partner[partner[i]] == i)
       :: else
       fi;
       i++
    :: else -> break
    od;
    assert(!(partner[0] == NOBODY && partner[1] == NOBODY));
    assert(!(partner[0] == NOBODY && partner[2] == NOBODY))
}

init {
    atomic {
        partner[0] = NOBODY; partner[1] = NOBODY; partner[2] = NOBODY;
        run selector(0, 0, 1);
        run selector(1, 1, 0);
        run receiver(2);
        run canceller(1)
    }
}
