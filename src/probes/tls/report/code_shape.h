// Shapes of small functions that hand their arguments on to another one. Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "probes/tls/report/library_code.h"

namespace beyla::probes::tls {

// Instructions that such a function has at most, with a stack protector's and those that clear
// registers at its end.
inline constexpr std::size_t kMaxWrapperLines = 40;

// Whether it is one that is called, and no cold part, into which other functions branch. Clang may
// call one by a branch, too, but hardly always. `references`: all to its beginning, and others.
[[nodiscard]] bool is_function(const KnownFunction& function,
                               std::span<const Reference> references);

// Whether its first call, or jump to another function, is of `target`, with the arguments in the
// registers (bits) as the function got them.
[[nodiscard]] bool hands_on(const KnownFunction& function, std::uint64_t target,
                            std::uint16_t registers);

// Calls and jumps that leave it, up to the last instruction, where one of the stack protector may
// stand.
[[nodiscard]] std::size_t count_of_calls(const KnownFunction& function);

// Whether the function's code reads the register before it writes it, as far as the first call.
[[nodiscard]] bool reads_argument(const KnownFunction& function, unsigned number);

}  // namespace beyla::probes::tls
