// SPDX-License-Identifier: MIT
#pragma once
// Owns the bytes that a buffered_reader has read and not yet given out.

#include <coir/detail/config.hpp>
#include <coir/io/bytes.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coir::detail {

class COIR_API read_buffer {
public:
    /// What take_line and take_until found.
    enum class finding : bool { incomplete, complete };

    [[nodiscard]] std::string_view held() const noexcept {
        return {bytes_.data() + begin_, end_ - begin_};
    }

    /// Where more bytes go, never empty; may move what is held. Throws std::bad_alloc.
    [[nodiscard]] io::buffer room();
    void add(std::size_t count) noexcept { end_ += count; }
    std::size_t take(io::buffer into) noexcept;
    [[nodiscard]] std::string take_all();

    /// Takes a line, or the bytes up to the delimiter, if it is held complete: then `complete` with
    /// it in `out`, or with `error` because it is longer than `most` and nothing was taken. `seen`
    /// is how much earlier calls have searched in vain.
    [[nodiscard]] finding take_line(std::size_t most, std::size_t& seen, std::string& out,
                                    std::error_code& error);
    [[nodiscard]] finding take_until(char delimiter, std::size_t most, std::size_t& seen,
                                     std::string& out, std::error_code& error);

private:
    void drop(std::size_t count) noexcept;

    std::vector<char> bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace coir::detail
