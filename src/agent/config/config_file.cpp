#include "agent/config/config_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "agent/config/config_events.h"
#include "base/fd.h"

namespace beyla::agent::config {

using base::Error;
using base::Result;

namespace {

// YAML 1.2 section 5.1 allows no control characters but these. yaml-cpp 0.7 even takes 0x04 for
// the end of the file, so that what follows it would be ignored without a word.
bool is_refused_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

// The error stands at the byte behind `before`.
Error error_behind(std::string_view name, std::string_view before, std::string_view why) {
  const auto line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return config_error(name, line, before.size() - line_start + 1, why);
}

Result<void> check_bytes(std::string_view name, std::string_view text) {
  if (text.size() > kMaxConfigBytes) {
    return std::unexpected(error_behind(name, text.substr(0, kMaxConfigBytes),
                                        fmt::format("larger than {} bytes", kMaxConfigBytes)));
  }
  const auto bad = std::ranges::find_if(text, is_refused_byte);
  if (bad == text.end()) return {};
  return std::unexpected(
      error_behind(name, std::string_view(text.begin(), bad),
                   fmt::format("control character 0x{:02x}", static_cast<unsigned char>(*bad))));
}

// yaml-cpp 0.7 misses an unclosed quote where the text ends with a line break, and then takes the
// rest of the file for the value.
std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);  // npos + 1 is 0
}

// The adapter around yaml-cpp: its exceptions end here.
std::optional<Error> feed(std::string_view name, std::string_view text, ConfigEvents& events) {
  try {
    std::istringstream stream{std::string(without_trailing_blanks(text))};
    YAML::Parser parser(stream);
    while (!events.error() && parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& error) {
    const bool placed = error.mark.line >= 0 && error.mark.column >= 0;
    return config_error(name, placed ? static_cast<std::size_t>(error.mark.line) + 1 : 1,
                        placed ? static_cast<std::size_t>(error.mark.column) + 1 : 1, error.msg);
  } catch (const std::exception& error) {
    return config_error(name, 1, 1, error.what());
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<ConfigEntry>> parse_config_text(std::string_view name, std::string_view text) {
  TRY_VOID(check_bytes(name, text));
  ConfigEvents events(name);
  const std::optional<Error> parse_error = feed(name, text, events);
  if (events.error()) return std::unexpected(*events.error());  // it came first
  if (parse_error) return std::unexpected(*parse_error);
  return events.take_entries();
}

Result<std::vector<ConfigEntry>> read_config_fd(const std::string& name, int fd) {
  std::string text;
  std::array<char, 16 * 1024> chunk{};
  while (text.size() <= kMaxConfigBytes) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(unreadable_config(name, errno));
    if (got == 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return parse_config_text(name, text);
}

Result<std::vector<ConfigEntry>> read_config_file(const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::unexpected(unreadable_config(path, errno));
  return read_config_fd(path, file.get());
}

}  // namespace beyla::agent::config
