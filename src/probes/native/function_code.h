// The instructions of one function, one behind the other, as far as they tell what it refers to and
// calls. In: untrusted x86-64 code. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "probes/elf/elf_file.h"
#include "probes/elf/function_ranges.h"
#include "probes/native/flow_graph.h"

namespace beyla::probes::native {

// Functions of more are not read: SSL_new of BoringSSL has 2.5 KiB, others are smaller.
inline constexpr std::uint64_t kMaxFunctionCodeBytes = 64 * 1024;

// Numbers of registers as in native::Effect.
inline constexpr unsigned kRax = 0;
inline constexpr unsigned kRcx = 1;
inline constexpr unsigned kRdx = 2;
inline constexpr unsigned kRsi = 6;
inline constexpr unsigned kRdi = 7;
inline constexpr unsigned kR8 = 8;
[[nodiscard]] constexpr std::uint16_t bit_of(unsigned number) {
  return static_cast<std::uint16_t>(1U << number);
}

// A register that gets a number.
struct Constant {
  unsigned number = 0;
  std::uint64_t value = 0;
};

struct CodeLine {
  std::uint64_t address = 0;
  std::uint32_t bytes = 0;
  x86::Flow flow = x86::Flow::next;
  std::optional<std::uint64_t> target;     // of a direct call, jump or branch
  std::optional<std::uint64_t> refers_to;  // LEA of a fixed address
  std::optional<Constant> constant;        // may be an address, too, where code does not move
  std::uint16_t written = 0;
  std::uint16_t read = 0;
  bool stores = false;      // to memory that is not addressed by RSP; calls do not count
  bool decrements = false;  // with LOCK, memory: by one, or by a register

  [[nodiscard]] std::uint64_t end() const { return address + bytes; }
  [[nodiscard]] bool is_call() const { return flow == x86::Flow::call; }
  [[nodiscard]] bool is_indirect() const {
    return flow == x86::Flow::indirect_jump || (is_call() && !target);
  }
};

// Empty: not in code, too large, or no instructions all along.
[[nodiscard]] std::vector<CodeLine> read_function_code(const elf::ElfFile& elf,
                                                       const elf::FunctionRange& range);

}  // namespace beyla::probes::native
