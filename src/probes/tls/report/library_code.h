// The code of a file, asked for by what it refers to: for a library in it that no symbol names. In:
// an untrusted file, borrowed. Functions that it hands out live as long as it does. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "probes/elf/elf_file.h"
#include "probes/elf/function_ranges.h"
#include "probes/native/function_code.h"

namespace beyla::probes::tls {

// Instructions of all functions that are read: those of libssl that matter have some 30,000. Over
// it nothing more is found.
inline constexpr std::size_t kMaxCodeLines = std::size_t{1} << 19;

struct KnownFunction {
  elf::FunctionRange range;
  std::vector<native::CodeLine> lines;

  // Direct calls, and jumps to other functions.
  [[nodiscard]] std::set<std::uint64_t> callees() const;
  [[nodiscard]] bool calls(std::uint64_t target) const;
  [[nodiscard]] bool has_indirect_call() const;
  [[nodiscard]] bool has_stores() const;
  [[nodiscard]] bool sets(unsigned number, std::uint64_t value) const;
};

// An instruction that names an address: a call, a jump, a LEA, or a number.
struct Reference {
  const KnownFunction* from = nullptr;
  std::size_t line = 0;
  std::uint64_t target = 0;
};

class LibraryCode {
 public:
  explicit LibraryCode(const elf::ElfFile& elf) : elf_(elf), ranges_(elf) {}

  [[nodiscard]] const elf::ElfFile& elf() const { return elf_; }
  [[nodiscard]] bool has_ranges() const { return !ranges_.empty(); }
  // nullptr: none begins there, or it cannot be read.
  [[nodiscard]] const KnownFunction* at(std::uint64_t address);
  // One pass over all code: ask for many at once.
  [[nodiscard]] std::vector<Reference> references_to(std::span<const std::uint64_t> targets);

 private:
  [[nodiscard]] const KnownFunction* known(const elf::FunctionRange& range);

  const elf::ElfFile& elf_;
  elf::FunctionRanges ranges_;
  std::map<std::uint64_t, KnownFunction> functions_;  // by address; without lines: unreadable
  std::size_t lines_ = 0;
};

}  // namespace beyla::probes::tls
