// SPDX-License-Identifier: MIT
// The rows `echo_N` as a plain loop over io_uring, one thread, with what is known to be fast:
// multishot accept and receive, a ring of provided buffers, single issuer, deferred task work, one
// system call a turn.
#define _GNU_SOURCE
#include "listen.h"

#include <liburing.h>
#include <stdint.h>
#include <string.h>

enum { buffers = 4096, buffer_bytes = 512, group = 0 };
enum kind { accepting, receiving, sending };

static struct io_uring ring;
static struct io_uring_buf_ring* provided;
static char* storage;

static uint64_t tag(enum kind kind, int fd, unsigned buffer) {
    return (uint64_t)kind << 56 | (uint64_t)buffer << 32 | (uint32_t)fd;
}

static struct io_uring_sqe* entry(void) {
    struct io_uring_sqe* found = io_uring_get_sqe(&ring);
    while (found == NULL) {
        io_uring_submit(&ring);
        found = io_uring_get_sqe(&ring);
    }
    return found;
}

static void accept_many(int listener) {
    struct io_uring_sqe* const sqe = entry();
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = tag(accepting, listener, 0);
}

static void receive_many(int fd) {
    struct io_uring_sqe* const sqe = entry();
    io_uring_prep_recv(sqe, fd, NULL, 0, 0);
    sqe->ioprio |= IORING_RECV_MULTISHOT;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = group;
    sqe->user_data = tag(receiving, fd, 0);
}

static void provide(unsigned buffer) {
    io_uring_buf_ring_add(provided, storage + (size_t)buffer * buffer_bytes, buffer_bytes,
                          (unsigned short)buffer, io_uring_buf_ring_mask(buffers), 0);
    io_uring_buf_ring_advance(provided, 1);
}

static void provide_all(void) {
    struct io_uring_buf_reg registration = {.ring_entries = buffers, .bgid = group};
    const size_t bytes = buffers * sizeof(struct io_uring_buf);
    if (posix_memalign((void**)&provided, 4096, bytes) != 0) fail("posix_memalign");
    memset(provided, 0, bytes);
    storage = malloc((size_t)buffers * buffer_bytes);
    registration.ring_addr = (uintptr_t)provided;
    if (io_uring_register_buf_ring(&ring, &registration, 0) != 0) fail("register_buf_ring");
    for (unsigned i = 0; i < buffers; ++i) provide(i);
}

static void received(int fd, const struct io_uring_cqe* cqe) {
    if (cqe->res <= 0) {
        if (cqe->res == -ENOBUFS) {
            receive_many(fd);
        } else {
            close(fd);
        }
        return;
    }
    const unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    struct io_uring_sqe* const sqe = entry();
    io_uring_prep_send(sqe, fd, storage + (size_t)buffer * buffer_bytes, (size_t)cqe->res,
                       MSG_NOSIGNAL);
    sqe->user_data = tag(sending, fd, buffer);
    if (!(cqe->flags & IORING_CQE_F_MORE)) receive_many(fd);
}

static void completed(const struct io_uring_cqe* cqe) {
    const int fd = (int)(uint32_t)cqe->user_data;
    switch (cqe->user_data >> 56) {
    case accepting:
        if (cqe->res >= 0) {
            send_without_delay(cqe->res);
            receive_many(cqe->res);
        }
        if (!(cqe->flags & IORING_CQE_F_MORE)) accept_many(fd);
        break;
    case receiving: received(fd, cqe); break;
    case sending: provide((unsigned)(cqe->user_data >> 32) & 0xffffff); break;
    }
}

int main(void) {
    const int listener = listen_and_tell(0);
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                              IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
                                     .cq_entries = 8192};
    const int result = io_uring_queue_init_params(2048, &ring, &params);
    if (result != 0) {
        fprintf(stderr, "io_uring: %s\n", strerror(-result));
        return 1;
    }
    io_uring_register_ring_fd(&ring);
    provide_all();
    accept_many(listener);
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        struct io_uring_cqe* cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            completed(cqe);
            ++count;
        }
        io_uring_cq_advance(&ring, count);
    }
}
