// Where a uprobe stands at the beginning of a Go function of x86-64, ABIInternal. Pure function.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace beyla::probes::go {

// The conditional jump of the stack check, as an offset in the code of the function: all arguments
// are in their registers still, the kernel emulates it, and the flags tell a call (carry and zero
// are clear) from one that is about to grow its stack and to begin again (either is set). Behind it
// the PUSH of the frame pointer would do as well, but only since Go 1.21. nullopt: no stack check;
// such a function (a leaf, or one that is written in assembly) gets no probe, since its flags would
// say nothing. Sequences: Go's src/cmd/internal/obj/x86/obj6.go, stacksplit(), 1.17 to 1.26.
[[nodiscard]] std::optional<std::size_t> find_entry_site(std::span<const std::byte> code);

}  // namespace beyla::probes::go
