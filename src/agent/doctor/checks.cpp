#include "agent/doctor/checks.h"

#include <array>

namespace beyla::agent::doctor {

std::span<const Section> sections() {
  static const std::array kSections = {
      Section{"kernel", kernel_checks()},
      Section{"privileges", privilege_checks()},
      Section{"programs and hooks", program_checks()},
      Section{"settings", settings_checks()},
  };
  return kSections;
}

}  // namespace beyla::agent::doctor
