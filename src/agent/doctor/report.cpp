#include "agent/doctor/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace beyla::agent::doctor {
namespace {

constexpr std::size_t kMaxListed = 50;

std::string_view status_name(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::limited: return "limited";
    case Status::missing: return "missing";
    case Status::unknown: return "unknown";
    case Status::not_built: break;
  }
  return "not built";
}

constexpr std::size_t kStatusWidth = 9;  // of "not built"

// SGR parameters, ECMA-48 8.3.117: green, yellow, red; nothing for the rest.
std::string_view colour_of(Status status) {
  switch (status) {
    case Status::ok: return "\x1b[32m";
    case Status::limited: return "\x1b[33m";
    case Status::missing: return "\x1b[31m";
    case Status::unknown:
    case Status::not_built: break;
  }
  return "";
}

// File names and error texts may hold anything; a terminal must not obey them.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& byte : result) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < ' ' || code == 0x7f) byte = '?';
  }
  return result;
}

std::size_t name_width(std::span<const JudgedSection> sections) {
  std::size_t width = 0;
  for (const auto& section : sections) {
    for (const auto& row : section.rows) width = std::max(width, row.name.size());
  }
  return width;
}

std::vector<std::string_view> missing_rows(std::span<const JudgedSection> sections) {
  std::vector<std::string_view> names;
  for (const auto& section : sections) {
    for (const auto& row : section.rows) {
      if (row.verdict.status == Status::missing) names.push_back(row.name);
    }
  }
  return names;
}

void append_candidates(std::string& text, const std::vector<Candidate>& candidates) {
  const auto shown = std::span(candidates).first(std::min(candidates.size(), kMaxListed));
  std::size_t executable_width = 0;
  std::size_t service_width = 0;
  for (const auto& candidate : shown) {
    executable_width = std::max(executable_width, candidate.executable.size());
    service_width = std::max(service_width, candidate.service.size());
  }
  for (const auto& candidate : shown) {
    text += fmt::format("  pid {:<8}{:<{}}  ", candidate.pid, printable(candidate.executable),
                        executable_width);
    if (service_width != 0) {
      text += fmt::format("service={:<{}}  ", printable(candidate.service), service_width);
    }
    text += printable(candidate.reason) + "\n";
  }
  if (shown.size() < candidates.size()) {
    text += fmt::format("  and {} more\n", candidates.size() - shown.size());
  }
}

}  // namespace

std::vector<JudgedSection> judge(const Facts& facts) {
  std::vector<JudgedSection> judged;
  for (const auto& section : sections()) {
    JudgedSection result{section.title, {}};
    for (const auto& check : section.checks) {
      result.rows.push_back({check.name, check.judge(facts)});
    }
    judged.push_back(std::move(result));
  }
  return judged;
}

bool would_run(std::span<const JudgedSection> sections) { return missing_rows(sections).empty(); }

std::string render_table(std::span<const JudgedSection> sections, bool in_colour) {
  const std::size_t width = name_width(sections);
  const std::string indent(2 + width + 2 + kStatusWidth + 2, ' ');
  std::string text;
  for (const auto& section : sections) {
    text += fmt::format("{}\n", section.title);
    for (const auto& row : section.rows) {
      const auto colour = in_colour ? colour_of(row.verdict.status) : std::string_view{};
      text += fmt::format("  {:<{}}  {}{:<{}}{}  {}\n", row.name, width, colour,
                          status_name(row.verdict.status), kStatusWidth,
                          colour.empty() ? "" : "\x1b[0m", printable(row.verdict.finding));
      if (!row.verdict.fix.empty()) {
        text += fmt::format("{}fix: {}\n", indent, printable(row.verdict.fix));
      }
    }
    text += "\n";
  }
  return text;
}

std::string render_selection(const Selection& selection, bool has_selectors) {
  std::string text;
  if (has_selectors) {
    text += "processes that would be selected\n";
    append_candidates(text, selection.selected);
    if (selection.selected.empty()) {
      text += "  none now; a process that starts later is selected the moment it matches\n";
    }
    if (!selection.nearly.empty()) {
      text += "\nprocesses that match one selector only, and why they would not be selected\n";
    }
  } else {
    text += "nothing would be selected; processes that listen on TCP ports\n";
    if (selection.nearly.empty()) text += "  none\n";
  }
  append_candidates(text, selection.nearly);
  if (!selection.unseen.empty()) text += "\nnot seen\n";
  for (const auto& line : selection.unseen) text += fmt::format("  {}\n", line);
  return text + "\n";
}

std::string render_result(std::span<const JudgedSection> sections) {
  const auto missing = missing_rows(sections);
  if (missing.empty()) return "result: beyla would run with these settings\n";
  return fmt::format("result: beyla would not run; missing: {}\n", fmt::join(missing, ", "));
}

}  // namespace beyla::agent::doctor
