#include "probes/tls/report/rustls_message.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "probes/x86/code_reader.h"

namespace beyla::probes::tls {
namespace {

constexpr unsigned kRdx = 2;  // by number, System V ABI for AMD64 §3.2.3: the third argument
constexpr unsigned kRegisters = 16;
constexpr std::int64_t kSliceBytes = 16;
constexpr std::int64_t kVecBytes = 24;
constexpr std::int64_t kChunksBytes = 32;
constexpr std::int64_t kVersionBytes = 4;  // an enum of 16 bits, and one value more
constexpr std::int64_t kChunksEnd = 24;    // OutboundChunks::Multiple::end

// The general purpose registers that hold the message's address, or have held it on some way.
using Holders = std::bitset<kRegisters>;

std::optional<unsigned> number_of(ZydisRegister part) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, part);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return std::nullopt;
  return static_cast<unsigned>(whole - ZYDIS_REGISTER_RAX);
}

bool is_held(const Holders& holders, ZydisRegister part) {
  const auto number = number_of(part);
  return number && holders.test(*number);
}

std::span<const ZydisDecodedOperand> operands_of(const x86::DecodedInstruction& decoded) {
  return std::span(decoded.operands).first(decoded.head.operand_count);
}

void add_read(MessageReads& reads, const Holders& holders, const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM) return;
  const bool is_read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  if (!is_read || !is_held(holders, operand.mem.base)) return;
  if (operand.mem.index != ZYDIS_REGISTER_NONE) {
    reads.others = true;
  } else if (operand.size == 8) {
    reads.bytes.insert(operand.mem.disp.value);
  } else if (operand.size == 64) {
    reads.words.insert(operand.mem.disp.value);
  }
}

bool copies_message(const x86::DecodedInstruction& decoded, const Holders& holders) {
  const auto& from = decoded.operands[1];
  return decoded.is(ZYDIS_MNEMONIC_MOV) &&
         decoded.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         from.type == ZYDIS_OPERAND_TYPE_REGISTER && from.size == 64 &&
         is_held(holders, from.reg.value);
}

void follow(Holders& holders, const x86::DecodedInstruction& decoded) {
  const bool copies = copies_message(decoded, holders);
  for (const ZydisDecodedOperand& operand : operands_of(decoded)) {
    const bool is_written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || !is_written) continue;
    if (const auto number = number_of(operand.reg.value)) holders.reset(*number);
  }
  if (!copies) return;
  if (const auto number = number_of(decoded.operands[0].reg.value)) holders.set(*number);
}

std::optional<std::int64_t> type_place(const MessageReads& reads,
                                       std::span<const std::int64_t> places) {
  if (reads.others || reads.bytes.empty() || reads.words.empty()) return std::nullopt;
  const std::int64_t place = *reads.bytes.begin();
  if (*reads.bytes.rbegin() > place + 1 || *reads.words.begin() < 0) return std::nullopt;
  if (std::ranges::find(places, place) == places.end()) return std::nullopt;
  return place;
}

}  // namespace

// From the first byte to the last, whatever the jumps: compilers keep an argument in one register
// for good. What a call leaves in registers is read by nobody before it is written.
void add_message_reads(MessageReads& reads, std::span<const std::byte> code) {
  const x86::CodeReader reader(code);
  Holders holders;
  holders.set(kRdx);
  for (std::size_t at = 0; at < code.size();) {
    const auto decoded = reader.decode(at);
    if (!decoded) return;
    for (const auto& operand : operands_of(*decoded)) add_read(reads, holders, operand);
    follow(holders, *decoded);
    at += decoded->head.length;
  }
}

std::optional<std::uint32_t> sealed_type_place(const MessageReads& reads) {
  constexpr std::array<std::int64_t, 4> kPlaces = {kSliceBytes, kSliceBytes + kVersionBytes,
                                                   kChunksBytes, kChunksBytes + kVersionBytes};
  const auto place = type_place(reads, kPlaces);
  if (!place) return std::nullopt;
  const bool is_slice = *place < kChunksBytes;
  const std::int64_t last_word = *reads.words.rbegin();
  if (is_slice ? last_word >= kSliceBytes : last_word != kChunksEnd) return std::nullopt;
  return static_cast<std::uint32_t>(*place);
}

std::optional<std::uint32_t> opened_type_place(const MessageReads& reads) {
  constexpr std::array<std::int64_t, 2> kPlaces = {kSliceBytes, kVecBytes + kVersionBytes};
  const auto place = type_place(reads, kPlaces);
  if (!place || *reads.words.rbegin() >= *place) return std::nullopt;
  return static_cast<std::uint32_t>(*place);
}

}  // namespace beyla::probes::tls
