#include "probes/tls/report/library_code.h"

#include <algorithm>

#include "probes/native/code_references.h"

namespace beyla::probes::tls {
namespace {

using native::CodeLine;

bool names(const CodeLine& line, std::uint64_t address) {
  return line.target == address || line.refers_to == address ||
         (line.constant && line.constant->value == address);
}

}  // namespace

std::set<std::uint64_t> KnownFunction::callees() const {
  std::set<std::uint64_t> found;
  for (const CodeLine& line : lines) {
    if (line.target && (line.is_call() || !range.contains(*line.target))) {
      found.insert(*line.target);
    }
  }
  return found;
}

bool KnownFunction::calls(std::uint64_t target) const {
  return std::ranges::find(lines, target, &CodeLine::target) != lines.end();
}

bool KnownFunction::has_indirect_call() const {
  return std::ranges::any_of(lines, &CodeLine::is_indirect);
}

bool KnownFunction::has_stores() const { return std::ranges::any_of(lines, &CodeLine::stores); }

bool KnownFunction::sets(unsigned number, std::uint64_t value) const {
  return std::ranges::any_of(lines, [&](const CodeLine& line) {
    return line.constant && line.constant->number == number && line.constant->value == value;
  });
}

const KnownFunction* LibraryCode::known(const elf::FunctionRange& range) {
  const auto [found, is_new] = functions_.try_emplace(range.address);
  KnownFunction& function = found->second;
  if (is_new && lines_ < kMaxCodeLines) {
    function = {.range = range, .lines = native::read_function_code(elf_, range)};
    lines_ += function.lines.size();
  }
  return function.lines.empty() ? nullptr : &function;
}

const KnownFunction* LibraryCode::at(std::uint64_t address) {
  const auto range = ranges_.at(address);
  return range ? known(*range) : nullptr;
}

std::vector<Reference> LibraryCode::references_to(std::span<const std::uint64_t> targets) {
  std::vector<Reference> found;
  for (const auto& [field, target] : native::find_code_references(elf_, targets)) {
    const auto range = ranges_.around(field);
    const KnownFunction* function = range ? known(*range) : nullptr;
    if (function == nullptr) continue;
    const auto next = std::ranges::upper_bound(function->lines, field, {}, &CodeLine::address);
    if (next == function->lines.begin()) continue;
    const auto line = std::prev(next);
    if (!names(*line, target)) continue;
    found.push_back({.from = function,
                     .line = static_cast<std::size_t>(line - function->lines.begin()),
                     .target = target});
  }
  return found;
}

}  // namespace beyla::probes::tls
