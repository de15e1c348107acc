// Calls in a Go function of x86-64, as places for uprobes and as proof of what is called next. Pure
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace beyla::probes::go {

// More calls of one function than this are not probed. net/http.(*conn).serve has one of each.
inline constexpr std::size_t kMaxCalls = 4;

// Offsets of the direct calls of what lies at `callee` (offset from the first byte of `code`). At a
// CALL all arguments are in their registers, and unlike the callee's entry it is passed once,
// however the stack grows. Empty: there are none, or more than kMaxCalls.
[[nodiscard]] std::vector<std::size_t> find_call_sites(std::span<const std::byte> code,
                                                       std::int64_t callee);

// Whether there is one call of `callee`, and on every way behind it comes, as the next call, that
// of a method of an interface whose address stands in its itab at `method` bytes
// (runtime/iface.go).
[[nodiscard]] bool calls_method_next(std::span<const std::byte> code, std::int64_t callee,
                                     std::int64_t method);

}  // namespace beyla::probes::go
