// The instructions that a call of one function may execute without calling another, and which may
// follow which. In: untrusted x86-64 code. Jumps out of the function are followed, since compilers
// put its cold parts elsewhere; so the code of a tail call is in the graph, too. It has more ways
// than the code (behind a call that never returns, say), never fewer, but for those that only a
// damaged stack takes. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "probes/native/site_refusal.h"
#include "probes/x86/code_reader.h"

namespace beyla::probes::native {

// Only interpreters and ciphers have functions of more, and those are of no interest.
inline constexpr std::size_t kMaxFlowInstructions = 16384;

// Bytes [begin, end) of the code given.
struct CodePart {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] bool contains(std::size_t offset) const { return offset >= begin && offset < end; }
};

enum class End : std::uint8_t {
  none,  // goes on
  returns,
  dies,  // nothing follows: a trap, or a call at the very end of the function
  // Its jump ends the function's part of the call: it leads to the beginning of another function,
  // or stands outside of the function and goes through one fixed word, as those of the PLT do. A
  // conditional one may go on, too.
  leaves,
  unknown,  // any other indirect jump, one out of the code, or bytes that are no instruction
};

// What an instruction does. General purpose registers by their number in the encoding (RAX 0, RCX
// 1, RDX 2, RBX 3, RSP 4, RBP 5, RSI 6, RDI 7).
struct Effect {
  std::uint16_t written = 0;  // bits of registers of which any part may be written
  bool stores = false;        // to memory; a PUSH does not count
  bool is_push = false;       // of a register:
  std::uint8_t pushed = 0;
  std::optional<std::int32_t> stack_bytes = 0;  // the stack grows by; nullopt: cannot be told
};

struct Step {
  std::size_t offset = 0;
  std::size_t length = 0;
  x86::Flow flow = x86::Flow::next;
  End end = End::none;
  Effect effect;
  std::optional<std::size_t> jumps_to;  // offset in the code, of a direct jump or branch
  std::vector<std::size_t> successors;  // indices of steps
  bool behind_canary_check = false;     // its way for "not equal" is left out

  [[nodiscard]] bool writes(unsigned number) const { return (effect.written >> number & 1) != 0; }
};

// Whether another function, and no cold part of one, is known to begin at an offset in the code.
using IsFunction = std::function<bool(std::size_t offset)>;

class FlowGraph {
 public:
  // `code`: an executable segment, borrowed for the lifetime of the graph. REQUIRES: the function
  // lies in it and is not empty. Refuses with undecodable or too_large.
  [[nodiscard]] static std::expected<FlowGraph, SiteRefusal> explore(
      std::span<const std::byte> code, CodePart function, const IsFunction& is_function);

  [[nodiscard]] const CodePart& function() const { return function_; }
  [[nodiscard]] std::span<const Step> steps() const { return steps_; }  // the entry first
  [[nodiscard]] std::span<const std::byte> bytes_of(const Step& step) const {
    return code_.subspan(step.offset, step.length);
  }

 private:
  FlowGraph(std::span<const std::byte> code, CodePart function)
      : code_(code), function_(function), reader_(code) {}

  [[nodiscard]] std::expected<void, SiteRefusal> read_step(std::size_t index,
                                                           const IsFunction& is_function);
  void connect(Step& step, ZydisMnemonic mnemonic);
  [[nodiscard]] std::size_t index_of(std::size_t offset);
  [[nodiscard]] bool overlaps() const;

  std::span<const std::byte> code_;
  CodePart function_;
  x86::CodeReader reader_;
  std::vector<Step> steps_;
  std::unordered_map<std::size_t, std::size_t> index_by_offset_;
};

}  // namespace beyla::probes::native
