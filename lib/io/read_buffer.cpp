// SPDX-License-Identifier: MIT
#include <coir/detail/read_buffer.hpp>

#include <algorithm>
#include <cstring>

namespace coir::detail {
namespace {

constexpr std::size_t least_room = 4096;
constexpr std::size_t first_size = std::size_t{16} * 1024;

} // namespace

io::buffer read_buffer::room() {
    if (begin_ != 0 && bytes_.size() - end_ < least_room) {
        // Memory moves only when at least as much of it is free, so each byte moves seldom.
        if (begin_ >= end_ - begin_) {
            std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
    }
    if (bytes_.size() - end_ < least_room) {
        bytes_.resize(std::max(first_size, bytes_.size() * 2));
    }
    return {bytes_.data() + end_, bytes_.size() - end_};
}

void read_buffer::drop(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
}

std::size_t read_buffer::take(io::buffer into) noexcept {
    const std::size_t count = std::min(into.size(), end_ - begin_);
    if (count == 0) return 0;
    std::memcpy(into.data(), bytes_.data() + begin_, count);
    drop(count);
    return count;
}

std::string read_buffer::take_all() {
    std::string all{held()};
    drop(all.size());
    return all;
}

read_buffer::finding read_buffer::take_until(char delimiter, std::size_t most, std::size_t& seen,
                                             std::string& out, std::error_code& error) {
    const std::string_view text = held();
    const std::size_t at = text.find(delimiter, seen);
    seen = text.size();
    if (std::min(at, text.size()) > most) {
        error = std::make_error_code(std::errc::message_size);
        return finding::complete;
    }
    if (at == std::string_view::npos) return finding::incomplete;
    out.assign(text.substr(0, at));
    drop(at + 1);
    return finding::complete;
}

read_buffer::finding read_buffer::take_line(std::size_t most, std::size_t& seen, std::string& out,
                                            std::error_code& error) {
    const std::string_view text = held();
    const std::size_t at = text.find('\n', seen);
    seen = text.size();
    const std::size_t found = std::min(at, text.size());
    // A CR at the end of what is held may turn out to belong to the end of the line.
    const std::size_t length = found != 0 && text[found - 1] == '\r' ? found - 1 : found;
    if (length > most) {
        error = std::make_error_code(std::errc::message_size);
        return finding::complete;
    }
    if (at == std::string_view::npos) return finding::incomplete;
    out.assign(text.substr(0, length));
    drop(at + 1);
    return finding::complete;
}

} // namespace coir::detail
