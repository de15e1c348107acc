// Where functions begin and end, by what unwinding needs (.eh_frame, LSB Core 5.0 §10.6): it
// survives stripping. In: an untrusted file. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "probes/elf/elf_file.h"

namespace beyla::probes::elf {

// The largest browsers have half a million.
inline constexpr std::size_t kMaxFunctionRanges = std::size_t{1} << 21;

struct FunctionRange {
  std::uint64_t address = 0;
  std::uint32_t bytes = 0;
  // Its frame is described from before its first instruction as that of a call is. One that is not
  // so is a cold part of a function, to which one jumps.
  bool begins_call = false;

  [[nodiscard]] std::uint64_t end() const { return address + bytes; }
  [[nodiscard]] bool contains(std::uint64_t place) const { return place - address < bytes; }
  friend bool operator==(const FunctionRange&, const FunctionRange&) = default;
};

class FunctionRanges {
 public:
  // All of the section, by its header or else by PT_GNU_EH_FRAME. What is written in other ways
  // than compilers do is passed over. 16 bytes a function are kept.
  explicit FunctionRanges(const ElfFile& elf);

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::span<const FunctionRange> all() const { return ranges_; }  // by address
  // nullopt also where two overlap.
  [[nodiscard]] std::optional<FunctionRange> around(std::uint64_t place) const;
  [[nodiscard]] std::optional<FunctionRange> at(std::uint64_t address) const;

 private:
  std::vector<FunctionRange> ranges_;
};

}  // namespace beyla::probes::elf
