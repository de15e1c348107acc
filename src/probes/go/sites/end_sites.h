// Where uprobes stand to see a Go function of x86-64 end, with its results still in registers.
// Never a return probe: those change the return address, which Go's stack growth does not survive.
// Pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace beyla::probes::go {

// More returns than this are not probed. net/http.(*Transport).roundTrip has 10 to 17.
inline constexpr std::size_t kMaxReturns = 32;

// Offsets in the code of the function. Each way out passes exactly one of all these.
struct EndSites {
  // The jump behind a call whose error, where there is none, ends the function: AX, BX, CX are the
  // results of that call, which are its own. With an error in BX it is not the end. Emulated.
  std::optional<std::size_t> answer;
  // Each return that a way leads to that does not pass `answer` without an error. Single-stepped.
  std::vector<std::size_t> returns;
};

// `code`: of the function that calls `callee` (offset from its first byte) for its results
// (pointer, error). Where it is not certain that nothing is missed or seen twice: all returns, and
// no `answer`. Nothing at all: undecodable, or more than kMaxReturns.
[[nodiscard]] EndSites find_end_sites(std::span<const std::byte> code,
                                      std::optional<std::int64_t> callee);

}  // namespace beyla::probes::go
