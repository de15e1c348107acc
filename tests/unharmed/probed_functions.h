// Which functions of a file the prober probes, and where. Control thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "probes/native/function_sites.h"
#include "probes/proof/executable.h"

namespace beyla::tests {

struct ProbedFunction {
  std::string name;
  probes::native::FunctionSites sites;
  unsigned arguments = 0;
  bool has_entry = false;  // and proven; a CALL is not, and is probed unproven
  bool has_exits = false;
  bool compared = false;               // its first instruction and all returns can be probed, too
  std::vector<std::uint64_t> returns;  // offsets in the file
};

struct Wanted {
  std::vector<std::string> names;  // empty: every function of the file
  unsigned arguments = 4;
  bool compare = false;
  std::size_t limit = 0;  // functions at most
};

// Prints a line for each one that was named and has no site, with the reason. Each address once.
[[nodiscard]] std::vector<ProbedFunction> probed_functions(
    std::span<const std::byte> file, const probes::proof::Executable& executable,
    const Wanted& wanted);

}  // namespace beyla::tests
