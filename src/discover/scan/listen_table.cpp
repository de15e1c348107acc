#include "discover/scan/listen_table.h"

#include <array>
#include <charconv>
#include <optional>

namespace beyla::discover::scan {
namespace {

// Columns, counted from 0: "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout
// inode".
constexpr std::size_t kLocalAddress = 1;
constexpr std::size_t kState = 3;
constexpr std::size_t kInode = 9;
constexpr std::size_t kColumns = 10;
constexpr std::string_view kListen = "0A";  // TCP_LISTEN, include/net/tcp_states.h

using Row = std::array<std::string_view, kColumns>;

std::optional<Row> split(std::string_view line) {
  Row row;
  for (auto& column : row) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    line.remove_prefix(begin);
    column = line.substr(0, line.find(' '));
    line.remove_prefix(column.size());
  }
  return row;
}

template <typename T>
std::optional<T> number(std::string_view text, int base) {
  T value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

}  // namespace

void add_listeners(std::string_view table, PortByInode& listeners) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    const auto row = split(line);
    if (!row || (*row)[kState] != kListen) continue;
    const std::string_view address = (*row)[kLocalAddress];
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos) continue;
    const auto port = number<std::uint16_t>(address.substr(colon + 1), 16);
    const auto inode = number<std::uint64_t>((*row)[kInode], 10);
    if (port && inode) listeners.emplace(*inode, *port);
  }
}

}  // namespace beyla::discover::scan
