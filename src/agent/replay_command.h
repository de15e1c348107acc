// `beyla replay`: a recording in; its trace lines, or its metrics page, out. Needs no privilege, no
// configuration and no kernel of its own; two runs give the same bytes. Main thread.
#pragma once

#include <string>

#include "base/result.h"

namespace beyla::agent {

// Writes to standard output. A recording that was cut short or damaged is played as far as it
// goes, then the error says so.
[[nodiscard]] base::Result<void> replay(const std::string& path, bool print_metrics);

}  // namespace beyla::agent
