// SPDX-License-Identifier: MIT
// The rows `echo_N` as a plain loop over epoll, level-triggered, one thread: what a careful C
// programmer writes by hand for just this.
#define _GNU_SOURCE
#include "listen.h"

#include <errno.h>
#include <sys/epoll.h>

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

static void accept_all(int epoll, int listener) {
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        send_without_delay(fd);
        watch(epoll, fd);
    }
}

static void echo(int fd) {
    char buffer[4096];
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // A client that does not take its answer is dropped: enough for a message at a time.
    if (size <= 0 || send(fd, buffer, (size_t)size, MSG_NOSIGNAL) != size) close(fd);
}

int main(void) {
    const int listener = listen_and_tell(SOCK_NONBLOCK);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    for (;;) {
        struct epoll_event events[512];
        const int count = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(epoll, listener);
            } else {
                echo(fd);
            }
        }
    }
}
