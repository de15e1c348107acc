// The kernel half's own counts, summed over the CPUs. Any thread; the fds are borrowed.
#pragma once

#include <array>
#include <cstdint>

#include "abi/maps.h"

namespace beyla::capture::ring {

struct KernelBooks {
  std::array<abi::event_counts, abi::kEventKinds> by_kind{};  // generated = submitted + lost
  std::array<std::uint64_t, abi::kNotes> notes{};
};

// cpus: how many CPUs are possible; the maps have a value for each. What cannot be read stays 0.
[[nodiscard]] KernelBooks read_kernel_books(int counts_by_kind_fd, int notes_by_kind_fd,
                                            std::size_t cpus);

}  // namespace beyla::capture::ring
