// Turns the doctor's verdicts and the selection into text for a terminal. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/doctor/checks.h"
#include "agent/doctor/selection.h"

namespace beyla::agent::doctor {

struct Row {
  std::string_view name;
  Verdict verdict;
};

struct JudgedSection {
  std::string_view title;
  std::vector<Row> rows;
};

[[nodiscard]] std::vector<JudgedSection> judge(const Facts& facts);

// No row is missing.
[[nodiscard]] bool would_run(std::span<const JudgedSection> sections);

[[nodiscard]] std::string render_table(std::span<const JudgedSection> sections, bool in_colour);

// has_selectors: false where the selection only lists who listens.
[[nodiscard]] std::string render_selection(const Selection& selection, bool has_selectors);

[[nodiscard]] std::string render_result(std::span<const JudgedSection> sections);

}  // namespace beyla::agent::doctor
