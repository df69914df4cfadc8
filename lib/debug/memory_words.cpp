// SPDX-License-Identifier: MIT
// The kernel copies (process_vm_readv), so that pages which cannot be read are no fault, and says
// which pages exist (/proc/self/pagemap), so that large empty mappings are not filled by looking.

#include "debug/memory_words.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace coir::detail {
namespace {

constexpr std::size_t most_left_out = 16'384;
constexpr std::size_t pages_at_once = 512;
// More than coir's threads use of their stacks, and less than they have.
constexpr std::uint64_t idle_stack_bytes = 65'536;
constexpr std::uint64_t page_exists = std::uint64_t{3} << 62; // present, or swapped out

std::uint64_t page_bytes() noexcept {
    static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

bool copy_words(std::uint64_t from, std::uint64_t* to, std::size_t bytes) noexcept {
    const iovec local{to, bytes};
    const iovec remote{reinterpret_cast<void*>(from), bytes};
    return ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

// Lines of /proc/self/maps, longer ones cut.
class line_reader {
public:
    line_reader() noexcept : fd_{::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)} {}
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;
    ~line_reader() {
        if (fd_ >= 0) ::close(fd_);
    }
    bool next(std::array<char, 256>& line) noexcept {
        std::size_t length = 0;
        for (char byte = 0; take(byte);) {
            if (byte == '\n') {
                line[std::min(length, line.size() - 1)] = '\0';
                return true;
            }
            if (length < line.size() - 1) line[length++] = byte;
        }
        return false;
    }

private:
    bool take(char& byte) noexcept {
        if (at_ == filled_) {
            at_ = 0;
            const ssize_t count = ::read(fd_, buffer_.data(), buffer_.size());
            filled_ = count > 0 ? static_cast<std::size_t>(count) : 0;
            if (filled_ == 0) return false;
        }
        byte = buffer_[at_++];
        return true;
    }

    const int fd_;
    std::array<char, 4096> buffer_;
    std::size_t at_ = 0;
    std::size_t filled_ = 0;
};

/// One line of it: "begin-end rwxp offset device inode name".
class mapping_line {
public:
    explicit mapping_line(std::string_view line) noexcept {
        range_.begin = number(line);
        line.remove_prefix(std::min<std::size_t>(line.size(), 1)); // the dash
        range_.end = number(line);
        const std::size_t name_at = line.find_first_of("/[", 0);
        const std::string_view name =
            line.substr(std::min({line.size(), name_at, line.find("anon_inode:")}));
        const bool is_device = name.starts_with("/dev/") && !name.starts_with("/dev/shm/") &&
                               !name.starts_with("/dev/zero");
        // The rings name operations that have ended; of those under way somebody waits.
        worth_a_look_ =
            line.starts_with(" rw") && !is_device && !name.starts_with("anon_inode:[io_uring]");
    }
    [[nodiscard]] address_range range() const noexcept { return range_; }
    [[nodiscard]] bool worth_a_look() const noexcept { return worth_a_look_; }

private:
    static std::uint64_t number(std::string_view& text) noexcept {
        std::uint64_t value = 0;
        const auto end = std::from_chars(text.data(), text.data() + text.size(), value, 16).ptr;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return value;
    }

    address_range range_;
    bool worth_a_look_ = false;
};

} // namespace

memory_words::memory_words() noexcept
    : pages_{::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)},
      left_out_{reserve<address_range>(most_left_out)},
      halted_at_{reserve<std::uint64_t>(most_left_out)},
      buffer_{reserve<std::uint64_t>(page_bytes() / sizeof(std::uint64_t))},
      page_states_{reserve<std::uint64_t>(pages_at_once)} {
    usable_ = pages_ >= 0 && !left_out_.empty() && !halted_at_.empty() && !buffer_.empty() &&
              !page_states_.empty() &&
              // Some containers forbid it.
              copy_words(reinterpret_cast<std::uint64_t>(this), buffer_.data(), sizeof(pages_));
}

memory_words::~memory_words() {
    if (pages_ >= 0) ::close(pages_);
    for (std::size_t i = 0; i < own_count_; ++i) {
        ::munmap(reinterpret_cast<void*>(own_[i].begin), own_[i].end - own_[i].begin);
    }
}

void* memory_words::map(std::size_t bytes) noexcept {
    if (own_count_ == own_.size()) return nullptr;
    void* const found = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) return nullptr;
    const auto begin = reinterpret_cast<std::uint64_t>(found);
    own_[own_count_++] = {begin, begin + bytes};
    return found;
}

void memory_words::leave_out(address_range range) noexcept {
    if (range.begin >= range.end) return;
    if (left_out_count_ == left_out_.size()) {
        usable_ = false;
        return;
    }
    left_out_[left_out_count_++] = range;
}

void memory_words::leave_out_below(std::uint64_t sp) noexcept {
    if (halted_count_ == halted_at_.size()) {
        usable_ = false;
        return;
    }
    halted_at_[halted_count_++] = sp;
}

void memory_words::visit_all(visitor see, void* argument) noexcept {
    for (std::size_t i = 0; i < own_count_; ++i) leave_out(own_[i]);
    const std::span<address_range> sorted = left_out_.first(left_out_count_);
    std::ranges::sort(sorted, {}, &address_range::begin);
    line_reader lines;
    std::array<char, 256> line;
    while (usable_ && lines.next(line)) {
        const mapping_line found{line.data()};
        if (found.worth_a_look()) visit_mapping(found.range(), see, argument);
    }
}

void memory_words::visit_mapping(address_range mapping, visitor see, void* argument) noexcept {
    // Below where a thread of ours has halted, to the end of its mapping, its stack is idle.
    for (const std::uint64_t sp : halted_at_.first(halted_count_)) {
        if (!mapping.contains(sp)) continue;
        visit_rest({mapping.begin, std::max(mapping.begin, sp - idle_stack_bytes)}, see, argument);
        mapping.begin = sp & ~std::uint64_t{7};
    }
    visit_rest(mapping, see, argument);
}

// What is left of the range without what was left out.
void memory_words::visit_rest(address_range range, visitor see, void* argument) noexcept {
    for (const address_range& hole : left_out_.first(left_out_count_)) {
        if (hole.end <= range.begin) continue;
        if (hole.begin >= range.end) break;
        if (hole.begin > range.begin) visit_pages({range.begin, hole.begin}, see, argument);
        range.begin = std::max(range.begin, hole.end);
    }
    if (range.begin < range.end) visit_pages(range, see, argument);
}

void memory_words::visit_pages(address_range range, visitor see, void* argument) noexcept {
    range.begin = (range.begin + 7) & ~std::uint64_t{7};
    range.end &= ~std::uint64_t{7};
    const std::uint64_t page = page_bytes();
    while (range.begin < range.end) {
        const std::uint64_t first = range.begin / page;
        const std::uint64_t last = (range.end - 1) / page;
        const std::size_t wanted = std::min<std::size_t>(last - first + 1, pages_at_once);
        const ssize_t got = ::pread(pages_, page_states_.data(), wanted * sizeof(std::uint64_t),
                                    static_cast<off_t>(first * sizeof(std::uint64_t)));
        if (got <= 0) {
            usable_ = false;
            return;
        }
        const auto count = static_cast<std::size_t>(got) / sizeof(std::uint64_t);
        for (std::size_t i = 0; i < count && range.begin < range.end; ++i) {
            const std::uint64_t end = std::min(range.end, (first + i + 1) * page);
            const std::size_t bytes = end - range.begin;
            if ((page_states_[i] & page_exists) != 0 &&
                copy_words(range.begin, buffer_.data(), bytes)) {
                see(buffer_.first(bytes / sizeof(std::uint64_t)), argument);
            }
            range.begin = end;
        }
    }
}

} // namespace coir::detail
