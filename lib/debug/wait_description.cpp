// SPDX-License-Identifier: MIT
#include "debug/wait_description.hpp"

#include "chan/channel_core.hpp"
#include "chan/select_core.hpp"
#include "io/operation.hpp"
#include "timer/clock.hpp"

#include <coir/sync/mutex.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <limits>
#include <span>

namespace coir::detail {
namespace {

std::string address_text(const void* address) {
    std::array<char, 24> text;
    std::snprintf(text.data(), text.size(), "%p", address);
    return text.data();
}

/// The memory of an object of ours, copied from where it may be gone by now.
template <typename Object> class copied {
public:
    copied(const stack_copy& stack, const void* from) {
        struct image {
            std::array<std::byte, sizeof(Object)> bytes;
        };
        image found{};
        usable_ = stack.read(reinterpret_cast<std::uintptr_t>(from), found) ||
                  read_perhaps(from, &found, sizeof found);
        bytes_ = found.bytes;
    }
    explicit operator bool() const { return usable_; }
    const Object* operator->() const { return reinterpret_cast<const Object*>(bytes_.data()); }
    const Object& operator*() const { return *operator->(); }

private:
    alignas(Object) std::array<std::byte, sizeof(Object)> bytes_{};
    bool usable_ = false;
};

std::string channel_text(const stack_copy& stack, const void* channel) {
    const copied<channel_core> core{stack, channel};
    std::string text = address_text(channel);
    if (!core) return text;
    const std::size_t capacity = core->capacity();
    if (capacity == 0) return text + " (rendezvous)";
    if (capacity == std::numeric_limits<std::size_t>::max()) return text + " (unbounded)";
    return text + " (capacity " + std::to_string(capacity) + ")";
}

std::string coroutine_text(const stack_copy& stack, const void* target, std::uint64_t& id) {
    // Not copied as a whole: only the id is plain enough. A record's memory is always there.
    const auto* const co = static_cast<const coroutine*>(target);
    const copied<std::uint64_t> found{stack, &co->id};
    if (!found) return "a coroutine";
    id = *found;
    return "coroutine " + std::to_string(id);
}

std::string case_text(const stack_copy& stack, const select_entry& entry) {
    std::uint64_t id = 0;
    switch (entry.kind) {
    case select_kind::never: return "a nil channel";
    case select_kind::send: return "send " + channel_text(stack, entry.channel);
    case select_kind::receive: return "receive " + channel_text(stack, entry.channel);
    case select_kind::join: return "end of " + coroutine_text(stack, entry.task, id);
    case select_kind::source: return "readiness of a descriptor";
    case select_kind::deadline:
        if (entry.deadline_ns == never_ns) return "timeout never";
        return "timeout in " + seconds_text(entry.deadline_ns - monotonic_ns());
    default: return "?";
    }
}

std::string select_text(const stack_copy& stack, const void* object) {
    constexpr std::size_t most_shown = 8;
    const copied<std::span<select_entry* const>> entries{stack, object};
    if (!entries || entries->empty()) return {};
    std::string text = " of " + std::to_string(entries->size()) + ": ";
    for (std::size_t i = 0; i < entries->size() && i < most_shown; ++i) {
        const copied<select_entry*> place{stack, static_cast<const void*>(entries->data() + i)};
        if (!place) break;
        const copied<select_entry> entry{stack, *place};
        if (!entry) break;
        text += (i == 0 ? "" : ", ") + case_text(stack, *entry);
    }
    return entries->size() > most_shown ? text + ", ..." : text;
}

const char* operation_text(const io_request& request) {
    switch (request.opcode) {
    case io_opcode::read:
    case io_opcode::readv: return "read";
    case io_opcode::write:
    case io_opcode::writev: return "write";
    case io_opcode::recv:
    case io_opcode::recvmsg: return "receive";
    case io_opcode::send:
    case io_opcode::sendmsg: return "send";
    case io_opcode::accept: return "accept";
    case io_opcode::connect: return "connect";
    case io_opcode::poll:
        return (request.flags & POLLOUT) != 0 ? "wait until writable" : "wait until readable";
    case io_opcode::close: return "close";
    case io_opcode::shutdown: return "shutdown";
    case io_opcode::splice: return "splice";
    case io_opcode::fsync: return "sync";
    case io_opcode::openat: return "open";
    case io_opcode::statx: return "stat";
    case io_opcode::unlinkat: return "unlink";
    case io_opcode::renameat: return "rename";
    case io_opcode::mkdirat: return "mkdir";
    default: return "operation";
    }
}

std::string io_text(const stack_copy& stack, const void* object) {
    const copied<io_operation> operation{stack, object};
    if (!operation) return {};
    const io_request& request = operation->request();
    std::string text = std::string{": "} + operation_text(request);
    if (request.fd < 0) return text;
    text += ", descriptor " + std::to_string(request.fd);
    std::array<char, 256> target;
    const std::string link = "/proc/self/fd/" + std::to_string(request.fd);
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    if (length > 0)
        text += " (" + std::string(target.data(), static_cast<std::size_t>(length)) + ")";
    return text;
}

} // namespace

void describe_wait(const stack_copy& copy, std::int64_t deadline_ns, coroutine_record& record) {
    std::string text = to_text(record.kind);
    const void* const object = record.object.pointer();
    switch (record.kind) {
    case wait_kind::receive:
    case wait_kind::send: text += " " + channel_text(copy, object); break;
    case wait_kind::select: text += select_text(copy, object); break;
    case wait_kind::join: text += " of " + coroutine_text(copy, object, record.blocked_by); break;
    case wait_kind::io: text += io_text(copy, object); break;
    case wait_kind::mutex: {
        text += " " + address_text(object);
        const copied<mutex_state> state{copy, object};
        if (state) {
            record.locked_at = veiled_address{~state->locked_at.load(std::memory_order_relaxed)};
        }
        break;
    }
    case wait_kind::none:
    case wait_kind::for_ever:
    case wait_kind::blocking:
    case wait_kind::sleep: break;
    default:
        if (object != nullptr) text += " " + address_text(object);
    }
    record.has_deadline = deadline_ns != never_ns;
    if (record.has_deadline && record.kind != wait_kind::select) {
        text += " (" + seconds_text(deadline_ns - monotonic_ns()) + " left)";
    }
    record.waits_on = std::move(text);
}

std::string name_of_coroutine(const coroutine_record& record) {
    std::string text = "coroutine " + std::to_string(record.id);
    if (!record.name.empty()) text += " \"" + record.name + "\"";
    return text;
}

std::string seconds_text(std::int64_t ns) {
    std::array<char, 40> text;
    std::snprintf(text.data(), text.size(), "%.3f s", static_cast<double>(ns) * 1e-9);
    return text.data();
}

} // namespace coir::detail
