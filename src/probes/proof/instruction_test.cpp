#include "probes/proof/instruction.h"

#include <gtest/gtest.h>

#include <vector>

namespace beyla::probes::proof {
namespace {

using Code = std::vector<unsigned char>;

std::span<const std::byte> bytes_of(const Code& code) { return std::as_bytes(std::span(code)); }

TEST(Execution, FollowsTheKernelsTables) {
  const struct {
    const char* name;
    Code code;
    Execution execution;
  } rows[] = {
      {"push rbp", {0x55}, Execution::emulated},
      {"push r15", {0x41, 0x57}, Execution::emulated},
      {"push rbp with a needless REX.W", {0x48, 0x55}, Execution::unsafe},
      {"push imm", {0x68, 1, 0, 0, 0}, Execution::unsafe},
      {"nop", {0x90}, Execution::emulated},
      {"xchg r8, rax: the kernel takes it for a nop", {0x41, 0x90}, Execution::unsafe},
      {"pause", {0xf3, 0x90}, Execution::unsafe},
      {"nop5: the kernel overwrites the red zone", {0x0f, 0x1f, 0x44, 0, 0}, Execution::unsafe},
      {"jbe near", {0x0f, 0x86, 1, 2, 3, 0}, Execution::emulated},
      {"jbe short", {0x76, 9}, Execution::emulated},
      {"jo short", {0x70, 9}, Execution::emulated},
      {"jg short", {0x7f, 9}, Execution::emulated},
      {"jcc with a hint", {0x3e, 0x76, 9}, Execution::unsafe},
      {"jcc with an operand size", {0x66, 0x0f, 0x86, 1, 2, 3, 0}, Execution::unsafe},
      {"jmp short", {0xeb, 1}, Execution::emulated},
      {"jmp near", {0xe9, 1, 0, 0, 0}, Execution::emulated},
      {"bnd jmp", {0xf2, 0xe9, 1, 0, 0, 0}, Execution::unsafe},
      {"jmp rax", {0xff, 0xe0}, Execution::unsafe},
      {"call near", {0xe8, 1, 0, 0, 0}, Execution::emulated_call},
      {"loop", {0xe2, 1}, Execution::unsafe},
      {"ret", {0xc3}, Execution::single_stepped},
      {"rep ret", {0xf3, 0xc3}, Execution::unsafe},
      {"endbr64", {0xf3, 0x0f, 0x1e, 0xfa}, Execution::single_stepped},
      {"endbr32", {0xf3, 0x0f, 0x1e, 0xfb}, Execution::unsafe},
      {"sub rsp, 8", {0x48, 0x83, 0xec, 8}, Execution::single_stepped},
      {"mov rax, [rip+4]", {0x48, 0x8b, 0x05, 4, 0, 0, 0}, Execution::single_stepped},
      {"mov eax, imm", {0xb8, 1, 2, 3, 4}, Execution::single_stepped},
      {"mov dword [rax], imm", {0xc7, 0x00, 1, 2, 3, 4}, Execution::single_stepped},
      {"xbegin", {0xc7, 0xf8, 1, 2, 3, 4}, Execution::unsafe},
      {"lock add [rax], eax", {0xf0, 0x01, 0x00}, Execution::unsafe},
      {"mov rax, fs:[0x28]", {0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}, Execution::unsafe},
      {"rep movsb", {0xf3, 0xa4}, Execution::unsafe},
      {"pushf: the stepping's trap flag is stored", {0x9c}, Execution::unsafe},
      {"popf", {0x9d}, Execution::unsafe},
      {"mov ss, eax", {0x8e, 0xd0}, Execution::unsafe},
      {"syscall", {0x0f, 0x05}, Execution::unsafe},
      {"int3", {0xcc}, Execution::unsafe},
      {"hlt", {0xf4}, Execution::unsafe},
  };
  const InstructionDecoder decoder;
  for (const auto& row : rows) {
    ASSERT_EQ(decoder.length(bytes_of(row.code)), row.code.size()) << row.name;
    EXPECT_EQ(execution_of(bytes_of(row.code)), row.execution) << row.name;
  }
}

// cmp rsp, [r14+16]; jbe +0x20; push rbp; mov rbp, rsp; mov eax, 0x11223344; ret
const Code kGoFunction = {0x49, 0x3b, 0x66, 0x10, 0x76, 0x20, 0x55, 0x48, 0x89,
                          0xe5, 0xb8, 0x44, 0x33, 0x22, 0x11, 0xc3, 0x90, 0x90};

TEST(SweepTo, FindsExactlyTheBoundaries) {
  const InstructionDecoder decoder;
  std::vector<std::size_t> found;
  for (std::size_t point = 0; point < 16; ++point) {
    const auto length = sweep_to(decoder, bytes_of(kGoFunction), point);
    if (length) {
      found.push_back(point);
    } else {
      EXPECT_EQ(length.error(), Refusal::mid_instruction);
    }
  }
  EXPECT_EQ(found, (std::vector<std::size_t>{0, 4, 6, 7, 10, 15}));
}

TEST(SweepTo, StopsAtWhatIsNoInstruction) {
  const InstructionDecoder decoder;
  const Code code = {0x55, 0x06, 0x55, 0x90};  // 06 was PUSH ES, and is none in 64-bit code
  EXPECT_EQ(sweep_to(decoder, bytes_of(code), 0).value(), 1);
  EXPECT_EQ(sweep_to(decoder, bytes_of(code), 1).error(), Refusal::undecodable);
  EXPECT_EQ(sweep_to(decoder, bytes_of(code), 2).error(), Refusal::undecodable);
  // Cut off by the end of the code.
  EXPECT_EQ(sweep_to(decoder, bytes_of({0xe9, 1, 2}), 0).error(), Refusal::undecodable);
  EXPECT_EQ(sweep_to(decoder, bytes_of({0x90}), 1).error(), Refusal::undecodable);
}

Code repeated(std::size_t times) {
  Code code;
  for (std::size_t round = 0; round < times; ++round) {
    code.insert(code.end(), kGoFunction.begin(), kGoFunction.end());
  }
  return code;
}

TEST(NeighboursAgree, KnowTheBoundariesWithoutBeingToldAny) {
  const InstructionDecoder decoder;
  const Code code = repeated(20);
  const std::size_t start = 15 * kGoFunction.size();
  for (const std::size_t boundary : {0U, 4U, 6U, 7U, 10U, 15U}) {
    EXPECT_TRUE(neighbours_agree(decoder, bytes_of(code), start + boundary)) << boundary;
  }
  for (const std::size_t inside : {1U, 2U, 3U, 5U, 8U, 9U, 11U, 12U, 13U, 14U}) {
    EXPECT_FALSE(neighbours_agree(decoder, bytes_of(code), start + inside)) << inside;
  }
}

TEST(NeighboursAgree, ThoseThatDecodeNothingHaveNoSay) {
  const InstructionDecoder decoder;
  EXPECT_TRUE(neighbours_agree(decoder, bytes_of({0x55}), 0));
  EXPECT_TRUE(neighbours_agree(decoder, bytes_of({0x06, 0x06, 0x55}), 2));
}

}  // namespace
}  // namespace beyla::probes::proof
