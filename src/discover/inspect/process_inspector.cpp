#include "discover/inspect/process_inspector.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

#include "base/fd.h"

namespace beyla::discover::inspect {
namespace {

constexpr std::size_t kMaxEnvironmentBytes = 256 * 1024;
constexpr std::size_t kMaxServiceNameBytes = 255;
constexpr int kStartTimeField = 22;               // proc_pid_stat(5), counted from 1
constexpr std::uint64_t kNsPerTick = 10'000'000;  // USER_HZ is 100 on every Linux ABI we know
constexpr std::string_view kDeleted = " (deleted)";

std::string read_file(const std::string& path, std::size_t limit) {
  std::string text;
  const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return text;
  std::array<char, 4096> chunk{};
  while (text.size() < limit) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// Clock ticks since boot; the name in parentheses may itself hold spaces and parentheses.
std::optional<std::uint64_t> start_ticks(std::string_view stat) {
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  for (int field = 2; field < kStartTimeField; ++field) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space + 1);
  }
  std::uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ticks);
  if (error != std::errc{}) return std::nullopt;
  return ticks;
}

}  // namespace

std::string environment_value(std::string_view block, std::string_view name) {
  while (!block.empty()) {
    const std::string_view entry = block.substr(0, block.find('\0'));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string(entry.substr(name.size() + 1, kMaxServiceNameBytes));
    }
    block.remove_prefix(std::min(entry.size() + 1, block.size()));
  }
  return {};
}

std::string ProcessInspector::file(std::uint32_t pid, const char* name) const {
  return proc_root_ + "/" + std::to_string(pid) + "/" + name;
}

bool ProcessInspector::is_same_process(const model::ProcessKey& key) const {
  const auto ticks = start_ticks(read_file(file(key.pid, "stat"), 4096));
  return ticks && *ticks == key.start_ns / kNsPerTick;
}

std::optional<ProcessFacts> ProcessInspector::inspect(const model::ProcessKey& key) const {
  ProcessFacts facts;
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink(file(key.pid, "exe").c_str(), path.data(), path.size());
  if (length <= 0) return std::nullopt;
  facts.executable_path.assign(path.data(), static_cast<std::size_t>(length));
  if (facts.executable_path.ends_with(kDeleted)) {
    facts.executable_path.resize(facts.executable_path.size() - kDeleted.size());
  }
  facts.otel_service_name = environment_value(
      read_file(file(key.pid, "environ"), kMaxEnvironmentBytes), "OTEL_SERVICE_NAME");
  if (!is_same_process(key)) return std::nullopt;
  return facts;
}

}  // namespace beyla::discover::inspect
