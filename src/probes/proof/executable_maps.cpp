#include "probes/proof/executable_maps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>
#include <string>

#include "base/fd.h"

namespace beyla::probes::proof {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kChunkBytes = 65536;
// 65,530 mappings (vm.max_map_count) with names of 200 bytes.
constexpr std::size_t kMaxMapsBytes = 16 * 1024 * 1024;
// Two addresses, permissions, offset, device and inode, each as long as the kernel can make it.
constexpr std::size_t kLineHeadBytes = 120;
constexpr std::size_t kMaxRanges = 256;
constexpr std::size_t kMaxNameBytes = 64;

// A number at the front of the text, followed by `end`; both are taken off.
template <typename Number>
bool take(std::string_view& text, char end, int base, Number& value) {
  const char* const last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc{} || stop == last || *stop != end) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return true;
}

// Calls `visit` with each line until it says stop. False: unreadable, or too long.
bool for_each_line(int fd,
                   const std::function<bool(const MapsLine&, std::string_view name)>& visit) {
  std::vector<char> chunk(kChunkBytes);
  std::string head;  // of the line at hand; its name may be longer than anything we want to hold
  std::string name;  // the part of it behind the last '/'
  for (std::size_t total = 0; total < kMaxMapsBytes;) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    total += static_cast<std::size_t>(got);
    for (const char byte : std::span(chunk).first(static_cast<std::size_t>(got))) {
      if (byte != '\n') {
        if (head.size() < kLineHeadBytes) head.push_back(byte);
        if (byte == '/') {
          name.clear();
        } else if (name.size() < kMaxNameBytes) {
          name.push_back(byte);
        }
        continue;
      }
      const auto line = parse_maps_line(head);
      if (!line) return false;
      if (!visit(*line, name)) return true;
      head.clear();
      name.clear();
    }
  }
  return false;
}

}  // namespace

std::optional<MapsLine> parse_maps_line(std::string_view line) {
  MapsLine result;
  if (!take(line, '-', 16, result.address) || !take(line, ' ', 16, result.address_end)) {
    return std::nullopt;
  }
  const auto permissions = line.substr(0, 4);
  if (permissions.size() < 4 || line.size() < 5 || line[4] != ' ') return std::nullopt;
  result.probeable = permissions.substr(1) == "-xp";
  line.remove_prefix(5);
  if (!take(line, ' ', 16, result.range.begin) || !take(line, ':', 16, result.file.major) ||
      !take(line, ' ', 16, result.file.minor)) {
    return std::nullopt;
  }
  const auto [stop, error] =
      std::from_chars(line.data(), line.data() + line.size(), result.file.inode);
  if (error != std::errc{} || result.address_end < result.address) return std::nullopt;
  if (__builtin_add_overflow(result.range.begin, result.address_end - result.address,
                             &result.range.end)) {
    return std::nullopt;
  }
  return result;
}

std::expected<MappedFile, Refusal> mapped_file_of(int fd) {
  void* const page = ::mmap(nullptr, kPageBytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (page == MAP_FAILED) return std::unexpected(Refusal::unreadable_file);
  const auto address = reinterpret_cast<std::uintptr_t>(page);
  MappedFile found;
  const base::Fd own_maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  const bool readable = for_each_line(own_maps.get(), [&](const MapsLine& line, auto) {
    if (line.address == address) found = line.file;
    return line.address < address;
  });
  ::munmap(page, kPageBytes);
  // Anonymous memory has inode 0.
  if (!readable || found.inode == 0) return std::unexpected(Refusal::unreadable_maps);
  return found;
}

std::expected<std::vector<CodeRange>, Refusal> code_ranges(int maps_fd, const MappedFile& file) {
  std::vector<CodeRange> ranges;
  const bool readable = for_each_line(maps_fd, [&](const MapsLine& line, auto) {
    if (line.probeable && line.file == file) ranges.push_back(line.range);
    return ranges.size() < kMaxRanges;
  });
  if (!readable) return std::unexpected(Refusal::unreadable_maps);
  return ranges;
}

std::expected<std::vector<MappedCode>, Refusal> mapped_code(int maps_fd) {
  std::vector<MappedCode> files;
  const bool readable = for_each_line(maps_fd, [&](const MapsLine& line, std::string_view name) {
    if (!line.probeable || line.file.inode == 0) return true;
    auto known = std::ranges::find(files, line.file, &MappedCode::file);
    if (known == files.end()) {
      if (files.size() == kMaxMappedFiles) return false;
      files.push_back({.file = line.file,
                       .address = line.address,
                       .address_end = line.address_end,
                       .name = std::string(name)});
      known = std::prev(files.end());
    }
    known->code_bytes += line.address_end - line.address;
    return true;
  });
  if (!readable) return std::unexpected(Refusal::unreadable_maps);
  return files;
}

}  // namespace beyla::probes::proof
