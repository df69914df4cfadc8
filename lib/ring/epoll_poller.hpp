// SPDX-License-Identifier: MIT
#pragma once
// Owns one epoll instance and the operations that wait for readiness on it.
//
// Invariants: an operation is in exactly one place: the list of the descriptor it waits for, the
// file pool, or `finished_`. While a list is not empty, the kernel watches for what its operations
// wait for, once (EPOLLONESHOT).
//
// Protocol: `submit` tries at once; what would wait is put into the descriptor's list. An event
// lets the waiting operations try again in their order, and what still waits is watched for again.
// Results, also the immediate ones, are kept in `finished_` and delivered by `poll` and `wait`.
//
// Rejected: registering a descriptor once, edge-triggered. It saves a call per wait: a seventh of
// an echo's CPU time (docs/performance.md). But a number that was closed and opened again elsewhere
// still looks registered to us while the kernel has forgotten it: the operation would wait for
// ever. Telling the open files of coir apart by numbers of our own does not help against a dup2()
// onto one of them. And a file that lives on in another process, or a descriptor that was once
// waited for on another worker, would wake us for each packet. Setting the watch anew each time
// finds out.

#include "base/valgrind.hpp"
#include "ring/poller.hpp"
#include "ring/wake_signal.hpp"

#include <sys/epoll.h>

#include <array>
#include <vector>

namespace coir::detail {

class epoll_poller final : public poller {
public:
    epoll_poller();
    ~epoll_poller() override;

    void submit(io_completion& completion, const io_request& request) noexcept override;
    void cancel(io_completion& completion) noexcept override;
    void flush() noexcept override {}
    bool poll() noexcept override;
    void wait(std::int64_t deadline_ns) noexcept override;
    void wake() noexcept override { wake_.signal(); }
    [[nodiscard]] const char* name() const noexcept override { return "epoll"; }
    [[nodiscard]] bool prefers_nonblocking() const noexcept override { return true; }

    /// Receives an operation that the file pool has done; from any thread.
    void take_back(io_completion& completion) noexcept;

private:
    using stage = io_completion::stage;
    struct descriptor {
        intrusive_list<io_completion> waiting;
        unsigned watched = 0;    // events the kernel watches for; 0 when not known
        bool registered = false; // a guess whether the kernel knows it
    };
    static constexpr std::size_t chunk_size = 256;

    descriptor* descriptor_of(int fd) noexcept;
    descriptor* make_descriptor(int fd) noexcept;
    [[nodiscard]] bool must_queue(const io_request& request) noexcept;
    void settle(io_completion& completion, int result) noexcept;
    void await_readiness(io_completion& completion) noexcept;
    int watch(int fd, descriptor& watched) noexcept;
    void handle_event(const epoll_event& event) noexcept;
    void finish_later(io_completion& completion, int result) noexcept;
    int sleep(std::int64_t deadline_ns) noexcept;
    bool handle_and_deliver(int event_count) noexcept;
    void collect_from_pool() noexcept;
    bool deliver() noexcept;

    int epoll_ = -1;
    bool fine_timeouts_ = !runs_on_valgrind();          // epoll_pwait2 works, as far as we know
    std::size_t waiting_count_ = 0;                     // in the lists of all descriptors
    std::vector<std::unique_ptr<descriptor[]>> chunks_; // by descriptor number
    intrusive_list<io_completion> finished_;
    std::array<epoll_event, 128> events_;
    wake_signal wake_;
    std::atomic<io_completion*> from_pool_{nullptr}; // a stack, pushed to by the pool's threads
    std::atomic<std::size_t> pool_users_{0};         // offloaded, or in take_back()
};

} // namespace coir::detail
