#include "export/prometheus/process_metrics.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace beyla::exporters::prometheus {
namespace {

// Fields of /proc/PID/stat after the command's name, which may contain anything: proc(5) numbers
// them from 1 and the first after the name is 3 (state).
constexpr std::size_t kFirstField = 3;
constexpr std::size_t kUserTicks = 14;
constexpr std::size_t kSystemTicks = 15;
constexpr std::size_t kEndedUserTicks = 16;  // of children that were waited for
constexpr std::size_t kEndedSystemTicks = 17;
constexpr std::size_t kStartTicks = 22;
constexpr std::size_t kVirtualBytes = 23;
constexpr std::size_t kResidentPages = 24;
using StatFields = std::array<std::string_view, kResidentPages + 1>;

constexpr std::size_t kMaxFileBytes = 256 * 1024;  // /proc/stat has a line for each CPU
constexpr rlim_t kMaxCountedFds = 16384;           // ours: each one costs a system call

// The whole file, made anew by the kernel for each read from its start.
std::string read_text(int fd) {
  std::string text;
  std::array<char, 4096> chunk;
  while (fd >= 0 && text.size() < kMaxFileBytes) {
    const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(text.size()));
    if (got <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// The next word; empty at the end.
std::string_view take_word(std::string_view& text) {
  constexpr std::string_view kSpace = " \t\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> to_number(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// The word after key, where key starts a line.
std::string_view word_after(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; (at = text.find(key, at)) != std::string_view::npos; at += key.size()) {
    if (at != 0 && text[at - 1] != '\n') continue;
    text.remove_prefix(at + key.size());
    return take_word(text);
  }
  return {};
}

StatFields split_stat(std::string_view stat) {
  StatFields fields;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return fields;
  stat.remove_prefix(name_end + 1);
  for (std::size_t i = kFirstField; i < fields.size(); ++i) fields[i] = take_word(stat);
  return fields;
}

void add_gauge(std::vector<Sample>& samples, std::string_view name, std::string_view help,
               std::variant<std::uint64_t, double> value) {
  samples.push_back({std::string(name), std::string(help), Sample::Type::gauge, {}, value});
}

// Of all processes whose stat could be read.
struct Sums {
  std::optional<std::uint64_t> cpu_ticks;
  std::optional<std::uint64_t> resident_pages;
  std::optional<std::uint64_t> virtual_bytes;
};

void add_to(std::optional<std::uint64_t>& sum, std::string_view word) {
  if (const auto number = to_number(word)) sum = sum.value_or(0) + *number;
}

void add_process(const StatFields& fields, Sums& sums) {
  for (const auto field : {kUserTicks, kSystemTicks, kEndedUserTicks, kEndedSystemTicks}) {
    add_to(sums.cpu_ticks, fields[field]);
  }
  add_to(sums.resident_pages, fields[kResidentPages]);
  add_to(sums.virtual_bytes, fields[kVirtualBytes]);
}

void add_sums(std::vector<Sample>& samples, const Sums& sums, double ticks_per_second) {
  if (sums.cpu_ticks) {
    samples.push_back({"process_cpu_seconds_total",
                       "Total user and system CPU time spent in seconds.",
                       Sample::Type::counter,
                       {},
                       static_cast<double>(*sums.cpu_ticks) / ticks_per_second});
  }
  if (sums.resident_pages) {
    add_gauge(samples, "process_resident_memory_bytes", "Resident memory size in bytes.",
              *sums.resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
  }
  if (sums.virtual_bytes) {
    add_gauge(samples, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
              *sums.virtual_bytes);
  }
}

// Without /proc/self/fd, which the unprivileged side may not open.
void add_descriptors(std::vector<Sample>& samples) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  std::uint64_t open = 0;
  for (rlim_t fd = 0; fd < std::min(limit.rlim_cur, kMaxCountedFds); ++fd) {
    if (::fcntl(static_cast<int>(fd), F_GETFD) >= 0) ++open;
  }
  add_gauge(samples, "process_open_fds", "Number of open file descriptors.", open);
  std::variant<std::uint64_t, double> max = std::uint64_t{limit.rlim_cur};
  if (limit.rlim_cur == RLIM_INFINITY) max = std::numeric_limits<double>::infinity();
  add_gauge(samples, "process_max_fds", "Maximum number of open file descriptors.", max);
}

void add_start_time(std::vector<Sample>& samples, std::string_view start_ticks,
                    double ticks_per_second, std::string_view machine) {
  const auto start = to_number(start_ticks);
  const auto boot_second = to_number(word_after(machine, "btime"));
  if (!start || !boot_second) return;
  add_gauge(samples, "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            static_cast<double>(*boot_second) + static_cast<double>(*start) / ticks_per_second);
}

}  // namespace

void collect_process_metrics(const ProcessFiles& files, std::vector<Sample>& samples) {
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  Sums sums;
  std::string start_ticks;
  for (const auto& file : files.stats) {
    const std::string stat = read_text(file.get());
    const StatFields fields = split_stat(stat);
    add_process(fields, sums);
    if (start_ticks.empty()) start_ticks = fields[kStartTicks];
  }
  add_sums(samples, sums, ticks_per_second);
  add_descriptors(samples);
  add_start_time(samples, start_ticks, ticks_per_second, read_text(files.machine.get()));
}

}  // namespace beyla::exporters::prometheus
