#include "export/prometheus/process_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace beyla::exporters::prometheus {
namespace {

namespace fs = std::filesystem;

// Fields of /proc/self/stat after the command's name, which may contain anything: proc(5) numbers
// them from 1 and the first after the name is 3 (state).
constexpr std::size_t kFirstField = 3;
constexpr std::size_t kUserTicks = 14;
constexpr std::size_t kSystemTicks = 15;
constexpr std::size_t kStartTicks = 22;
constexpr std::size_t kVirtualBytes = 23;
constexpr std::size_t kResidentPages = 24;
using StatFields = std::array<std::string_view, kResidentPages + 1>;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
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

void add_cpu(std::vector<Sample>& samples, const StatFields& fields, double ticks_per_second) {
  const auto user = to_number(fields[kUserTicks]);
  const auto system = to_number(fields[kSystemTicks]);
  if (!user || !system) return;
  samples.push_back({"process_cpu_seconds_total",
                     "Total user and system CPU time spent in seconds.",
                     Sample::Type::counter,
                     {},
                     static_cast<double>(*user + *system) / ticks_per_second});
}

void add_memory(std::vector<Sample>& samples, const StatFields& fields) {
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (const auto pages = to_number(fields[kResidentPages])) {
    add_gauge(samples, "process_resident_memory_bytes", "Resident memory size in bytes.",
              *pages * page_bytes);
  }
  if (const auto bytes = to_number(fields[kVirtualBytes])) {
    add_gauge(samples, "process_virtual_memory_bytes", "Virtual memory size in bytes.", *bytes);
  }
}

void add_descriptors(std::vector<Sample>& samples, const fs::path& self) {
  std::error_code error;
  std::uint64_t open = 0;
  for (fs::directory_iterator it(self / "fd", error), end; !error && it != end;
       it.increment(error)) {
    ++open;
  }
  if (!error) {
    add_gauge(samples, "process_open_fds", "Number of open file descriptors.", open);
  }
  const std::string limits = read_text(self / "limits");
  const std::string_view soft = word_after(limits, "Max open files");
  constexpr double kUnlimited = std::numeric_limits<double>::infinity();
  std::optional<std::variant<std::uint64_t, double>> max = to_number(soft);
  if (soft == "unlimited") max = kUnlimited;
  if (max) {
    add_gauge(samples, "process_max_fds", "Maximum number of open file descriptors.", *max);
  }
}

void add_start_time(std::vector<Sample>& samples, const StatFields& fields, double ticks_per_second,
                    const fs::path& proc_root) {
  const auto start = to_number(fields[kStartTicks]);
  const std::string machine = read_text(proc_root / "stat");
  const auto boot_second = to_number(word_after(machine, "btime"));
  if (!start || !boot_second) return;
  add_gauge(samples, "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            static_cast<double>(*boot_second) + static_cast<double>(*start) / ticks_per_second);
}

}  // namespace

void collect_process_metrics(const fs::path& proc_root, std::vector<Sample>& samples) {
  const fs::path self = proc_root / "self";
  const std::string stat = read_text(self / "stat");
  const StatFields fields = split_stat(stat);
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  add_cpu(samples, fields, ticks_per_second);
  add_memory(samples, fields);
  add_descriptors(samples, self);
  add_start_time(samples, fields, ticks_per_second, proc_root);
}

}  // namespace beyla::exporters::prometheus
