#include "probes/tls/report/error_site.h"

#include <algorithm>

namespace beyla::probes::tls {
namespace {

using native::CodeLine;
using x86::Flow;

// Arguments of one call are set in far fewer.
constexpr std::size_t kMaxLines = 24;

class Arguments {
 public:
  void see(const CodeLine& line) {
    if (line.is_call()) return;
    see(line, native::kRdi, site_.first);
    see(line, native::kRsi, site_.second);
    see(line, native::kRdx, site_.third);
  }
  [[nodiscard]] const ErrorSite& site() const { return site_; }

 private:
  static void see(const CodeLine& line, unsigned number, std::optional<std::uint64_t>& argument) {
    if ((line.written & native::bit_of(number)) == 0) return;
    argument.reset();
    if (line.constant && line.constant->number == number) argument = line.constant->value;
  }
  ErrorSite site_;
};

// Where the instructions begin that run one behind the other up to `line`.
std::size_t begin_of(const KnownFunction& function, std::size_t line) {
  std::size_t begin = line;
  while (begin > 0 && line - begin < kMaxLines && function.lines[begin - 1].flow == Flow::next) {
    --begin;
  }
  return begin;
}

std::optional<std::size_t> line_at(const KnownFunction& function, std::uint64_t address) {
  const auto found = std::ranges::lower_bound(function.lines, address, {}, &CodeLine::address);
  if (found == function.lines.end() || found->address != address) return std::nullopt;
  return static_cast<std::size_t>(found - function.lines.begin());
}

}  // namespace

ErrorSite error_site_at(const KnownFunction& function, std::size_t line) {
  Arguments arguments;
  for (std::size_t at = begin_of(function, line); at < line; ++at) {
    arguments.see(function.lines[at]);
  }
  std::optional<std::size_t> at = line;
  for (std::size_t seen = 0; at && *at < function.lines.size() && seen < kMaxLines; ++seen) {
    const CodeLine& next = function.lines[*at];
    if (next.is_call()) return arguments.site();
    if (next.flow == Flow::jump) {
      at = next.target ? line_at(function, *next.target) : std::nullopt;
      continue;
    }
    if (next.flow != Flow::next) break;
    arguments.see(next);
    ++*at;
  }
  return {};
}

}  // namespace beyla::probes::tls
