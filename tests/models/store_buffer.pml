/* SPDX-License-Identifier: MIT
 * Owns the model of one store that others may see late: what every processor does with plain and
 * release stores. One buffer for one writer and one variable.
 *
 * A store goes into the buffer; the writer itself reads it from there; a `drain` process brings it
 * to memory at any time. A full fence of the writer, or membarrier called by anybody, waits for that.
 */
#define BUFFERED(name) \
    byte name = 0;     \
    byte name##_late = 0; \
    bool name##_buffered = false

#define STORE_LATE(name, value) \
    atomic { name##_late = value; name##_buffered = true }
#define STORE_NOW(name, value) \
    atomic { name##_buffered = false; name = value }
#define DRAIN(name) \
    do \
    :: atomic { name##_buffered -> name = name##_late; name##_buffered = false } \
    od
#define FENCE(name) (!name##_buffered)
/* A read-modify-write acts on memory, behind the writer's own earlier store. */
