#include "probes/tls/report/code_shape.h"

#include <algorithm>

namespace beyla::probes::tls {
namespace {

using native::CodeLine;

bool leaves(const KnownFunction& function, const CodeLine& line) {
  if (line.is_call() || line.is_indirect()) return true;
  return line.target && !function.range.contains(*line.target);
}

}  // namespace

bool is_function(const KnownFunction& function, std::span<const Reference> references) {
  bool is_branched_to = false;
  bool is_called = false;
  for (const Reference& reference : references) {
    if (reference.target != function.range.address || reference.from == &function) continue;
    const CodeLine& line = reference.from->lines[reference.line];
    is_branched_to = is_branched_to || line.flow == x86::Flow::branch;
    is_called = is_called || line.is_call() || line.refers_to;
  }
  return function.range.begins_call && (is_called || !is_branched_to);
}

bool hands_on(const KnownFunction& function, std::uint64_t target, std::uint16_t registers) {
  for (const CodeLine& line : function.lines) {
    if (leaves(function, line)) return line.target == target;
    if ((line.written & registers) != 0) return false;
  }
  return false;
}

std::size_t count_of_calls(const KnownFunction& function) {
  const auto count = std::ranges::count_if(
      function.lines, [&](const CodeLine& line) { return leaves(function, line); });
  const CodeLine& last = function.lines.back();
  const bool ends_with_call = last.is_call() && count > 1;
  return static_cast<std::size_t>(count) - (ends_with_call ? 1 : 0);
}

bool reads_argument(const KnownFunction& function, unsigned number) {
  for (const CodeLine& line : function.lines) {
    if ((line.read & native::bit_of(number)) != 0) return true;
    if ((line.written & native::bit_of(number)) != 0 || line.is_call()) return false;
  }
  return false;
}

}  // namespace beyla::probes::tls
