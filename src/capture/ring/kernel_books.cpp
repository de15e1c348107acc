#include "capture/ring/kernel_books.h"

#include <bpf/bpf.h>

#include <vector>

namespace beyla::capture::ring {
namespace {

template <typename Value>
std::vector<Value> per_cpu_values(int fd, std::uint32_t key, std::size_t cpus) {
  std::vector<Value> values(cpus);
  if (values.empty() || bpf_map_lookup_elem(fd, &key, values.data()) != 0) values.clear();
  return values;
}

}  // namespace

KernelBooks read_kernel_books(int counts_by_kind_fd, int notes_by_kind_fd, std::size_t cpus) {
  KernelBooks books;
  for (std::uint32_t kind = 0; kind < abi::kEventKinds; ++kind) {
    for (const auto& counts : per_cpu_values<abi::event_counts>(counts_by_kind_fd, kind, cpus)) {
      books.by_kind[kind].generated += counts.generated;
      for (std::size_t reason = 0; reason < abi::kLossReasons; ++reason) {
        books.by_kind[kind].lost[reason] += counts.lost[reason];
      }
    }
  }
  for (std::uint32_t kind = 0; kind < abi::kNotes; ++kind) {
    for (const auto count : per_cpu_values<std::uint64_t>(notes_by_kind_fd, kind, cpus)) {
      books.notes[kind] += count;
    }
  }
  return books;
}

}  // namespace beyla::capture::ring
