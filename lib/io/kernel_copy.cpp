// SPDX-License-Identifier: MIT
//
// Between files copy_file_range(2) does it, on a thread for blocking calls: some file systems then
// share the blocks. Between streams it is splice(2): straight into pipes, else by way of a pipe of
// our own, whose pages are the source's and are not copied.
//
// Nothing here waits for a source: what it does not give at once the caller reads into his buffer.
// So connections that are idle or exchange small messages hold no pipe's pages, no kernel thread,
// and pay for no second system call. A sink is waited for: on io_uring that keeps a thread of the
// kernel busy, which is one reason for `most_at_once`.
//
// Rejected
//   To splice a pipe of others straight into a socket: the kernel holds the pipe's lock while it
//   waits for the socket, so whoever then writes into the pipe stops with all of its worker.
//   To splice streams into files: in plain C it saved 7 to 20 % of the CPU time.
#include "io/descriptor.hpp"
#include "io/operation.hpp"
#include "io/result.hpp"
#include "io/socket_calls.hpp"
#include "sched/worker.hpp"

#include <coir/blocking.hpp>
#include <coir/detail/kernel_copy.hpp>
#include <coir/task.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace coir::detail {

enum class end_kind : std::uint8_t { unsuited, file, pipe, socket };

namespace {

constexpr std::size_t pipe_bytes = std::size_t{1} << 20;       // fs.pipe-max-size as it comes
constexpr std::size_t least_pipe_bytes = std::size_t{1} << 18; // with less, buffers are as good
constexpr std::size_t file_chunk_bytes = std::size_t{4} << 20;
// A user's pipes have 64 MiB together (fs.pipe-user-pages-soft), then all new ones are tiny.
constexpr int most_at_once = 32;

// Relaxed, both: a count that bounds memory, and a figure; nothing is published by them.
std::atomic<int> under_way{0};
std::atomic<std::uint64_t> bytes_moved{0};

struct stat status_of(int fd) noexcept {
    struct ::stat status{};
    if (::fstat(fd, &status) != 0) status = {};
    return status;
}

// io_uring leaves what blocks to a thread of the kernel.
bool would_block_worker(int socket) noexcept {
    worker* const here = current_worker();
    const bool by_itself = here == nullptr || here->io().prefers_nonblocking();
    return by_itself && (::fcntl(socket, F_GETFL) & O_NONBLOCK) == 0;
}

end_kind kind_of(const copy_end& end, bool is_sink) noexcept {
    descriptor* const open =
        end.handle != nullptr ? handle_access::descriptor_of(*end.handle) : nullptr;
    if (open == nullptr || is_simulated(open->fd())) return end_kind::unsuited;
    const descriptor::use held{*open};
    if (!held) return end_kind::unsuited;
    const struct ::stat status = status_of(open->fd());
    if (S_ISFIFO(status.st_mode)) return end_kind::pipe;
    if (S_ISSOCK(status.st_mode)) {
        return is_sink && would_block_worker(open->fd()) ? end_kind::unsuited : end_kind::socket;
    }
    // Where the kernel keeps the position others may share it.
    if (!S_ISREG(status.st_mode) || end.position == nullptr) return end_kind::unsuited;
    const bool appends = (::fcntl(open->fd(), F_GETFL) & O_APPEND) != 0;
    return is_sink && appends ? end_kind::unsuited : end_kind::file;
}

} // namespace

std::uint64_t bytes_copied_in_kernel() noexcept {
    return bytes_moved.load(std::memory_order_relaxed);
}

struct kernel_copy::state {
    state(const copy_end& source, const copy_end& sink) noexcept
        : from{*handle_access::descriptor_of(*source.handle)},
          to{*handle_access::descriptor_of(*sink.handle)}, from_position{source.position},
          to_position{sink.position}, from_kind{kind_of(source, false)},
          to_kind{kind_of(sink, true)} {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
        for (const int fd : own_pipe) {
            if (fd >= 0) ::close(fd);
        }
    }

    [[nodiscard]] bool between_files() const noexcept {
        return from_kind == end_kind::file && to_kind == end_kind::file;
    }
    [[nodiscard]] bool is_straight() const noexcept { return to_kind == end_kind::pipe; }
    /// Whether there is a way at all.
    [[nodiscard]] bool suits() const noexcept {
        if (from_kind == end_kind::unsuited || to_kind == end_kind::unsuited) return false;
        if (to_kind == end_kind::file) return between_files();
        return from_kind != end_kind::file || to_kind == end_kind::socket;
    }
    [[nodiscard]] bool open_pipe() noexcept;

    descriptor& from;
    descriptor& to;
    std::uint64_t* const from_position;
    std::uint64_t* const to_position;
    const end_kind from_kind;
    const end_kind to_kind;
    std::array<int, 2> own_pipe{-1, -1};
};

bool kernel_copy::state::open_pipe() noexcept {
    if (own_pipe[0] >= 0) return true;
    if (::pipe2(own_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
    ::fcntl(own_pipe[1], F_SETPIPE_SZ, static_cast<int>(pipe_bytes)); // or what it has already
    return ::fcntl(own_pipe[1], F_GETPIPE_SZ) >= static_cast<int>(least_pipe_bytes);
}

namespace {

/// One of the few copies that the kernel does at a time.
class permit {
public:
    permit() noexcept : had_{under_way.fetch_add(1, std::memory_order_relaxed) < most_at_once} {}
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    ~permit() { under_way.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] explicit operator bool() const noexcept { return had_; }

private:
    const bool had_;
};

bool is_readable(descriptor& source) noexcept {
    const descriptor::use held{source};
    pollfd asked{source.fd(), POLLIN, 0};
    return held && ::poll(&asked, 1, 0) > 0 && (asked.revents & POLLIN) != 0;
}

// What is readable gives what it has and does not wait for more, a blocking socket either.
int take_now(descriptor& source, int into) noexcept {
    if (!is_readable(source)) return -EAGAIN;
    const descriptor::use held{source};
    if (!held) return -EBADF;
    const ssize_t size = ::splice(source.fd(), nullptr, into, nullptr, pipe_bytes,
                                  SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    return size >= 0 ? static_cast<int>(size) : -errno; // no park since: errno is this thread's
}

// -EAGAIN: the one is empty, or the other is full.
int move_now(descriptor& source, descriptor& pipe) noexcept {
    const descriptor::use held{pipe};
    return held ? take_now(source, pipe.fd()) : -EBADF;
}

int copy_range(descriptor& from, std::uint64_t from_at, descriptor& to, std::uint64_t to_at) {
    const descriptor::use source{from};
    const descriptor::use sink{to};
    if (!source || !sink) return -EBADF;
    auto read_at = static_cast<off_t>(from_at);
    auto write_at = static_cast<off_t>(to_at);
    const ssize_t size =
        ::copy_file_range(from.fd(), &read_at, to.fd(), &write_at, file_chunk_bytes, 0);
    return size >= 0 ? static_cast<int>(size) : -errno;
}

void count(std::uint64_t& moved, int more, std::uint64_t* position) noexcept {
    const auto bytes = static_cast<std::uint64_t>(more);
    moved += bytes;
    if (position != nullptr) *position += bytes;
    bytes_moved.fetch_add(bytes, std::memory_order_relaxed);
}

} // namespace

kernel_copy::kernel_copy(copy_end from, copy_end to) noexcept
    : from_{from}, to_{to}, useless_{from.handle == nullptr || to.handle == nullptr} {}
kernel_copy::~kernel_copy() = default;

std::uint64_t kernel_copy::run(std::error_code& error) {
    error.clear();
    if (useless_) return 0;
    const permit one;
    if (!one) return 0;
    if (state_ == nullptr) {
        useless_ = !from_.handle->is_open() || !to_.handle->is_open();
        if (!useless_) state_ = std::make_unique<state>(from_, to_);
        useless_ = useless_ || !state_->suits();
        if (useless_) return 0;
    }
    if (state_->between_files()) return between_files();
    return state_->is_straight() ? straight(error) : by_way_of_pipe(error);
}

// Whatever fails, the copy by buffer that follows fails with it too and can say more, or goes on.
std::uint64_t kernel_copy::between_files() {
    state& with = *state_;
    std::uint64_t moved = 0;
    for (;;) {
        const int more = blocking(
            [&] { return copy_range(with.from, *with.from_position, with.to, *with.to_position); });
        if (more < 0) useless_ = true;
        if (more <= 0) return moved;
        count(moved, more, with.from_position);
        *with.to_position += static_cast<std::uint64_t>(more);
        yield(); // a call on a thread cannot be cancelled: here is where this one can
    }
}

std::uint64_t kernel_copy::straight(std::error_code& error) {
    state& with = *state_;
    std::uint64_t moved = 0;
    for (bool had_room = false;;) {
        int more = move_now(with.from, with.to);
        if (more > 0) {
            had_room = false;
            count(moved, more, nullptr);
            yield(); // the reader may be a coroutine of this worker
            continue;
        }
        // Empty, ended, or of a kind that the kernel cannot take from: a read by buffer can.
        if (more != -EAGAIN || had_room || !is_readable(with.from)) {
            if (more == -EINVAL) useless_ = true;
            if (more < 0 && more != -EINVAL && more != -EAGAIN) error = error_from(more);
            failed_to_read_ = more != -EPIPE;
            return moved;
        }
        more = perform(request::poll(with.to.fd(), POLLOUT), &with.to);
        had_room = true;
        if (more < 0) error = error_from(more);
        if (error) return moved;
    }
}

std::uint64_t kernel_copy::by_way_of_pipe(std::error_code& error) {
    state& with = *state_;
    if (!with.open_pipe()) {
        useless_ = true;
        return 0;
    }
    std::uint64_t moved = 0;
    for (;;) {
        const int taken = with.from_kind == end_kind::file
                              ? perform(request::splice(with.from.fd(), *with.from_position,
                                                        with.own_pipe[1], pipe_bytes),
                                        &with.from)
                              : take_now(with.from, with.own_pipe[1]);
        if (taken == 0 || taken == -EAGAIN || taken == -EINTR) return moved;
        if (taken == -EINVAL) useless_ = true;
        if (taken < 0 && taken != -EINVAL) error = error_from(taken);
        if (taken < 0) {
            failed_to_read_ = true;
            return moved;
        }
        for (int left = taken; left > 0;) {
            const int more = perform(
                request::splice(with.own_pipe[0], with.to.fd(), static_cast<std::uint64_t>(left)),
                &with.to);
            if (more <= 0) {
                error = error_from(more < 0 ? more : -EPIPE);
                useless_ = true; // the pipe holds what is lost
                return moved;
            }
            left -= more;
            count(moved, more, with.from_position);
        }
    }
}

} // namespace coir::detail
