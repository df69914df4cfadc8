// SPDX-License-Identifier: MIT
#pragma once
// Owns what functions take for the name of a file.

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace coir::io {

/// The name of a file: made from a std::filesystem::path, a string, a view of one or a literal, and
/// a std::filesystem::path again where one is asked for. A type of its own, because <filesystem>
/// takes longer to compile than most of coir.
class path {
public:
    path() noexcept = default;
    /// Copies or takes over a name, as it is.
    path(std::string name) noexcept : name_{std::move(name)} {}
    template <typename Text>
        requires(std::convertible_to<const Text&, std::string_view> &&
                 !std::same_as<Text, std::string>)
    path(const Text& name) : name_{static_cast<std::string_view>(name)} {}
    template <typename Path>
        requires requires(const Path& other) {
            { other.native() } -> std::same_as<const std::string&>;
        }
    path(const Path& other) : name_{other.native()} {}

    /// Converts to std::filesystem::path, and to what has parts that are paths like it.
    template <typename Path>
        requires std::constructible_from<Path, const std::string&> &&
                 requires { typename Path::iterator::value_type::iterator; }
    operator Path() const {
        return Path{name_};
    }

    /// The name, as std::filesystem::path tells it.
    [[nodiscard]] const std::string& native() const noexcept { return name_; }
    [[nodiscard]] const std::string& string() const noexcept { return name_; }
    [[nodiscard]] const char* c_str() const noexcept { return name_.c_str(); }
    [[nodiscard]] bool empty() const noexcept { return name_.empty(); }

    friend bool operator==(const path&, const path&) noexcept = default;

private:
    std::string name_;
};

} // namespace coir::io
