// What a process has mapped as code, from the text of /proc/PID/maps. Names in there are the
// target's to choose: none is opened, and the last part of one is no more than a hint. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "probes/proof/refusal.h"

namespace beyla::probes::proof {

// A file as /proc/PID/maps names it. It is not fstat's st_dev: on btrfs, and on overlayfs
// before 6.8, the two differ (seen on overlayfs and 6.1).
struct MappedFile {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const MappedFile&, const MappedFile&) = default;
};

// Bytes [begin, end) of the file.
struct CodeRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] bool covers(std::uint64_t offset, std::uint64_t bytes) const {
    return offset >= begin && offset < end && bytes <= end - offset;
  }
};

// One line, or as much of its beginning as has the numbers.
struct MapsLine {
  std::uint64_t address = 0;
  std::uint64_t address_end = 0;
  bool probeable = false;  // private, executable and not writable, as valid_vma() wants
  CodeRange range;
  MappedFile file;
};
// nullopt: not such a line.
[[nodiscard]] std::optional<MapsLine> parse_maps_line(std::string_view line);

// A file with code.
struct MappedCode {
  MappedFile file;
  std::uint64_t address = 0;  // of one of its mappings; both are the name in /proc/PID/map_files
  std::uint64_t address_end = 0;
  std::uint64_t code_bytes = 0;  // of all of them
  std::string name;              // of the file, without its folders, or the end of it
};
inline constexpr std::size_t kMaxMappedFiles = 1024;
// Its files, each once, in the order of their addresses. Reads an open /proc/PID/maps to its end.
[[nodiscard]] std::expected<std::vector<MappedCode>, Refusal> mapped_code(int maps_fd);

// Asks the kernel by mapping the file's first page, unread, and looking it up among our own
// mappings.
[[nodiscard]] std::expected<MappedFile, Refusal> mapped_file_of(int fd);

// Reads an open /proc/PID/maps to its end: where `file` may be probed.
[[nodiscard]] std::expected<std::vector<CodeRange>, Refusal> code_ranges(int maps_fd,
                                                                         const MappedFile& file);

}  // namespace beyla::probes::proof
