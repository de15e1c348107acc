#include "discover/inspect/proc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/byte_reader.h"
#include "base/fd.h"

namespace beyla::discover::inspect {
namespace {

// Fields of proc_pid_stat(5), counted from 1.
constexpr int kFlagsField = 9;
constexpr int kStartTimeField = 22;
constexpr std::uint64_t kPfKthread = 0x00200000;  // include/linux/sched.h
constexpr std::uint64_t kPfForkNoExec = 0x00000040;
constexpr std::string_view kDeleted = " (deleted)";

std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// Field `wanted`, which must stand behind the name.
std::optional<std::uint64_t> stat_number(std::string_view stat, int wanted) {
  // The name in parentheses may itself hold spaces and parentheses.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  for (int field = 2; field < wanted; ++field) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space + 1);
  }
  return leading_number(rest);
}

// Calls take(bytes) until `limit` are passed or all are read.
template <typename Take>
void read_chunks(const std::string& path, std::size_t limit, Take take) {
  const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return;
  std::array<std::byte, 4096> chunk{};
  for (std::size_t taken = 0; taken < limit;) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    const auto bytes = std::span<const std::byte>(chunk).first(static_cast<std::size_t>(got));
    take(bytes);
    taken += bytes.size();
  }
  base::wipe(chunk);
}

}  // namespace

std::string read_file(const std::string& path, std::size_t limit) {
  std::string text;
  read_chunks(path, limit,
              [&text](std::span<const std::byte> bytes) { text += base::as_text(bytes); });
  return text;
}

base::PrivateBytes read_private_file(const std::string& path, std::size_t limit) {
  base::PrivateBytes content;
  read_chunks(path, limit, [&content](std::span<const std::byte> bytes) { content.append(bytes); });
  return content;
}

std::expected<std::string, int> read_link(const std::string& path) {
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return std::unexpected(errno);
  return std::string(target.data(), static_cast<std::size_t>(length));
}

std::optional<std::uint64_t> inode_of_link(std::string_view link, std::string_view kind) {
  if (!link.starts_with(kind)) return std::nullopt;
  link.remove_prefix(kind.size());
  if (!link.starts_with(":[") || !link.ends_with(']')) return std::nullopt;
  return leading_number(link.substr(2));
}

std::optional<std::uint64_t> start_ticks(std::string_view stat) {
  return stat_number(stat, kStartTimeField);
}

bool is_kernel_thread(std::string_view stat) {
  return (stat_number(stat, kFlagsField).value_or(0) & kPfKthread) != 0;
}

bool is_fork_without_exec(std::string_view stat) {
  return (stat_number(stat, kFlagsField).value_or(0) & kPfForkNoExec) != 0;
}

std::string_view stat_name(std::string_view stat) {
  const auto begin = stat.find('(');
  const auto end = stat.rfind(')');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return stat.substr(begin + 1, end - begin - 1);
}

std::string without_deleted(std::string path) {
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

}  // namespace beyla::discover::inspect
