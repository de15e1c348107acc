// What a function reads of memory that an argument points to: the shape of a struct as its code
// sees it. In: untrusted x86-64 code. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>

namespace beyla::probes::native {

// Offsets from the argument, by the size of the read.
struct ArgumentReads {
  std::set<std::int64_t> bytes;
  std::set<std::int64_t> words;  // of 8 bytes
  bool others = false;           // at a place that cannot be told
};

// The third one, in RDX (System V ABI for AMD64 §3.2.3). Adds what one function reads, all of whose
// code is given; what it reads by a copy of the address in memory is not seen.
void add_third_argument_reads(ArgumentReads& reads, std::span<const std::byte> code);

}  // namespace beyla::probes::native
