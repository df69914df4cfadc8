// SPDX-License-Identifier: MIT
#pragma once
// Owns how a program reads along what it says on standard error.

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace fixture {

/// While it lives, standard error comes here; at its end all of it goes where it would have gone.
class own_errors {
public:
    own_errors() {
        REQUIRE(::pipe(ends_.data()) == 0);
        REQUIRE(::dup2(ends_[1], STDERR_FILENO) == STDERR_FILENO);
        ::close(ends_[1]);
        reader_ = std::thread{[this] { read_all(); }};
    }
    own_errors(const own_errors&) = delete;
    ~own_errors() {
        ::dup2(real_, STDERR_FILENO); // which closes the last writer's end
        reader_.join();
        ::close(ends_[0]);
        ::close(real_);
        std::fputs(text_.c_str(), stderr);
    }

    /// Whether it has been said so many times by now.
    bool says(std::string_view part, int times = 1) {
        const std::lock_guard guard{lock_};
        std::size_t at = 0;
        for (; times > 0; --times, ++at) {
            at = text_.find(part, at);
            if (at == std::string::npos) return false;
        }
        return true;
    }

private:
    void read_all() {
        std::array<char, 4'096> buffer;
        for (;;) {
            const ssize_t count = ::read(ends_[0], buffer.data(), buffer.size());
            if (count <= 0) return;
            const std::lock_guard guard{lock_};
            text_.append(buffer.data(), static_cast<std::size_t>(count));
        }
    }

    const int real_ = ::dup(STDERR_FILENO);
    std::array<int, 2> ends_{};
    std::mutex lock_;
    std::string text_;
    std::thread reader_;
};

} // namespace fixture
