// The doctor's table: each row a name and a pure judgement of the facts. Adding a row is adding a
// line to one of the four lists.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/doctor/facts.h"

namespace beyla::agent::doctor {

enum class Status {
  ok,
  limited,    // beyla runs, but shows less
  missing,    // beyla does not run with these settings until it is fixed
  unknown,    // cannot be told with these privileges
  not_built,  // this version of beyla does not have it, whatever the kernel offers
};

struct Verdict {
  Status status = Status::ok;
  std::string finding;  // what is the case, and what it means
  std::string fix;      // empty: nothing to do

  bool operator==(const Verdict&) const = default;
};

struct Check {
  std::string_view name;
  Verdict (*judge)(const Facts& facts);
};

struct Section {
  std::string_view title;
  std::span<const Check> checks;
};

[[nodiscard]] std::span<const Check> kernel_checks();
[[nodiscard]] std::span<const Check> capability_checks();  // the first rows of privilege_checks()
[[nodiscard]] std::span<const Check> privilege_checks();
[[nodiscard]] std::span<const Check> program_checks();
[[nodiscard]] std::span<const Check> settings_checks();

// All of them, in the order of the table.
[[nodiscard]] std::span<const Section> sections();

}  // namespace beyla::agent::doctor
