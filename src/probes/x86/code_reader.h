// One function's x86-64 code as a list of instructions. In: untrusted bytes, borrowed. Places are
// offsets from the function's first byte. One thread at a time.
#pragma once

#include <Zydis/Decoder.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace beyla::probes::x86 {

// The largest function of the Go compiler has 254 KiB and some 60,000 instructions; those that we
// read have a tenth of that.
inline constexpr std::size_t kMaxReadInstructions = 65536;

enum class Flow : std::uint8_t {
  next,
  call,    // the next one follows it; of an indirect one the target is nullopt
  branch,  // conditional
  jump,
  indirect_jump,  // tables of switch statements, Go >= 1.19
  leave,          // a near return
  stop,           // int3, ud2: nothing follows
};

struct Instruction {
  std::size_t offset = 0;
  std::size_t length = 0;
  Flow flow = Flow::next;
  std::optional<std::int64_t> target;  // of a direct call, branch or jump; may lie outside

  [[nodiscard]] std::size_t end() const { return offset + length; }
};

// With its operands, for who looks closely.
struct DecodedInstruction {
  ZydisDecodedInstruction head{};
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT]{};

  [[nodiscard]] bool is(ZydisMnemonic mnemonic) const { return head.mnemonic == mnemonic; }
};

class CodeReader {
 public:
  explicit CodeReader(std::span<const std::byte> code);

  // nullopt: no whole instruction there.
  [[nodiscard]] std::optional<Instruction> read(std::size_t offset) const;
  [[nodiscard]] std::optional<DecodedInstruction> decode(std::size_t offset) const;

  // From the first byte to the last, padding included. Empty: bytes that are none, or too many.
  [[nodiscard]] std::vector<Instruction> read_all() const;
  // Whether there is a direct call of what lies at `target`.
  [[nodiscard]] bool calls(std::int64_t target) const;

 private:
  std::span<const std::byte> code_;
  ZydisDecoder decoder_{};
};

}  // namespace beyla::probes::x86
