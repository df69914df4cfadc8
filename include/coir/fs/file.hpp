// SPDX-License-Identifier: MIT
#pragma once
// Owns files: opening, reading and writing them, and the few things done to them by name.
//
// As for all I/O, every function parks the coroutine and never the thread, and has a twin that
// takes a std::error_code& and throws `cancelled` only. On a disk there is little to cut short: a
// cancelled operation that has begun usually comes to its end, and counts then.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/fs/open_mode.hpp>
#include <coir/io/path.hpp>
#include <coir/io/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <system_error>

namespace coir {

/// An open file. `read` and `write` go on where the last one ended (appending, at the end of the
/// file), so they are for one coroutine at a time; `read_at` and `write_at` have no such position
/// and may be used by any number at once. Anything that has a path can be opened: devices, fifos
/// and the files of /proc as well. What is no regular file has no position, and one coroutine may
/// read it while another writes, as with sockets.
///
///     auto f = coir::file::open("log", coir::open_mode::append | coir::open_mode::create);
///     f.write_all("started\n");
class COIR_API file : public detail::descriptor_handle, public io::stream_verbs<file> {
public:
    file() noexcept = default;

    /// Opens `path`; it is not inherited by children. A fifo that is opened for writing only waits
    /// for a reader; opened for reading only it is there at once, and its first read waits for a
    /// writer.
    [[nodiscard]] static file open(const io::path& path, open_mode mode = open_mode::read);
    [[nodiscard]] static file open(const io::path& path, open_mode mode, std::error_code& error);

    /// Reads from `offset` on until `into` is full or the file ends; returns how many bytes. A
    /// cancellation may cut it between parts.
    std::size_t read_at(io::buffer into, std::uint64_t offset);
    std::size_t read_at(io::buffer into, std::uint64_t offset, std::error_code& error);
    /// Into several buffers, one after the other (preadv).
    std::size_t read_at(std::span<const io::buffer> into, std::uint64_t offset);
    std::size_t read_at(std::span<const io::buffer> into, std::uint64_t offset,
                        std::error_code& error);
    std::size_t read_at(std::initializer_list<io::buffer> into, std::uint64_t offset) {
        return read_at(detail::span_of(into), offset);
    }
    std::size_t read_at(std::initializer_list<io::buffer> into, std::uint64_t offset,
                        std::error_code& error) {
        return read_at(detail::span_of(into), offset, error);
    }
    /// Writes all of `data` at `offset`; returns how many bytes, all of them unless there is an
    /// error. In a file opened with `append` they go to its end nevertheless (pwrite(2)).
    std::size_t write_at(io::bytes data, std::uint64_t offset);
    std::size_t write_at(io::bytes data, std::uint64_t offset, std::error_code& error);
    /// Several parts, as if they were one (pwritev).
    std::size_t write_at(std::span<const io::bytes> parts, std::uint64_t offset);
    std::size_t write_at(std::span<const io::bytes> parts, std::uint64_t offset,
                         std::error_code& error);
    std::size_t write_at(std::initializer_list<io::bytes> parts, std::uint64_t offset) {
        return write_at(detail::span_of(parts), offset);
    }
    std::size_t write_at(std::initializer_list<io::bytes> parts, std::uint64_t offset,
                         std::error_code& error) {
        return write_at(detail::span_of(parts), offset, error);
    }

    /// Waits until all that was written is on the disk (fsync).
    void sync();
    void sync(std::error_code& error);

    /// Returns how many bytes the file has now (fstat). Does not wait.
    [[nodiscard]] std::uint64_t size() const;
    [[nodiscard]] std::uint64_t size(std::error_code& error) const;
    /// Cuts the file to `size` bytes, or fills it up to there with zeros.
    void truncate(std::uint64_t size);
    void truncate(std::uint64_t size, std::error_code& error);

    /// As it was given to `open`.
    [[nodiscard]] const io::path& path() const noexcept { return path_; }

private:
    friend class io::stream_verbs<file>;
    friend struct detail::handle_access;
    file(detail::descriptor_pointer open, io::path path, int flags) noexcept;

    std::error_code await_writer();
    std::size_t read_some(io::buffer into, std::error_code& error);
    std::size_t read_parts(std::span<const io::buffer> into, std::error_code& error);
    std::size_t write_some(io::bytes data, std::error_code& error);
    std::size_t write_parts(std::span<const io::bytes> parts, std::size_t skip,
                            std::error_code& error);
    void advance(int count) noexcept;
    std::uint64_t* own_position() noexcept { return has_position_ ? &position_ : nullptr; }
    [[nodiscard]] std::uint64_t size_or(std::uint64_t unknown) const noexcept;
    [[nodiscard]] std::string describe(const char* verb) const;

    io::path path_;
    std::uint64_t position_ = 0;
    bool has_position_ = false; ///< `position_` counts: the file is a regular one
    bool appends_ = false;
    bool awaits_writer_ = false; ///< a fifo that may not have had a writer yet
};

/// Reads a whole file. Right for those too that tell no size, as in /proc.
[[nodiscard]] COIR_API std::string read_file(const io::path& path);
[[nodiscard]] COIR_API std::string read_file(const io::path& path, std::error_code& error);

/// Makes the file, or replaces what it holds, by `data`. Readers may see a part of it: write to
/// another name and `rename_file` where that matters.
COIR_API void write_file(const io::path& path, io::bytes data);
COIR_API void write_file(const io::path& path, io::bytes data, std::error_code& error);

/// Gives a file or folder another name, in one step; an existing file of that name is replaced.
COIR_API void rename_file(const io::path& from, const io::path& to);
COIR_API void rename_file(const io::path& from, const io::path& to, std::error_code& error);

/// Removes a name; what is open under it lives on. Folders: remove_directory, which must be empty.
COIR_API void remove_file(const io::path& name);
COIR_API void remove_file(const io::path& name, std::error_code& error);
COIR_API void make_directory(const io::path& name);
COIR_API void make_directory(const io::path& name, std::error_code& error);
COIR_API void remove_directory(const io::path& name);
COIR_API void remove_directory(const io::path& name, std::error_code& error);

} // namespace coir
