#include "probes/native/effect.h"

#include <gtest/gtest.h>

#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::native {
namespace {

constexpr unsigned kRax = 1U << 0;
constexpr unsigned kRdx = 1U << 2;
constexpr unsigned kRsp = 1U << 4;
constexpr unsigned kRsi = 1U << 6;
constexpr unsigned kRdi = 1U << 7;

x86::DecodedInstruction decode(std::string_view text) {
  const auto code = x86::testing::code_of(text);
  return x86::CodeReader(code).decode(0).value();
}

struct Case {
  const char* code;
  unsigned written;
  bool stores;
  std::optional<std::int32_t> stack_bytes;
};

TEST(Effect, IsWhatTheInstructionWrites) {
  constexpr Case kCases[] = {
      {"53 ; push rbx", kRsp, false, 8},
      {"58 ; pop rax", kRsp | kRax, false, -8},
      {"5c ; pop rsp", kRsp, false, std::nullopt},
      {"66 50 ; push ax", kRsp, false, std::nullopt},
      {"48 83 ec 18 ; sub 24,rsp", kRsp, false, 24},
      {"48 83 c4 18 ; add 24,rsp", kRsp, false, -24},
      {"48 29 c4 ; sub rax,rsp", kRsp, false, std::nullopt},
      {"48 83 e4 f0 ; and -16,rsp", kRsp, false, std::nullopt},
      {"c9 ; leave", kRsp | 1U << 5, false, std::nullopt},
      {"30 e4 ; xor ah,ah", kRax, false, 0},
      {"48 f7 e1 ; mul rcx", kRax | kRdx, false, 0},
      {"a5 ; movs", kRsi | kRdi, true, 0},
      {"48 89 07 ; mov rax,(rdi)", 0, true, 0},
      {"48 39 07 ; cmp rax,(rdi)", 0, false, 0},
      {"48 85 c0 ; test rax,rax", 0, false, 0},
      {"e8 00 00 00 00 ; call", 0xffff, true, 0},
      {"0f 05 ; syscall", 0xffff, true, 0},
  };
  for (const auto& [code, written, stores, stack_bytes] : kCases) {
    const Effect effect = effect_of(decode(code));
    EXPECT_EQ(effect.written, written) << code;
    EXPECT_EQ(effect.stores, stores) << code;
    EXPECT_EQ(effect.stack_bytes, stack_bytes) << code;
  }
}

TEST(Effect, OfAPushNamesTheRegister) {
  EXPECT_EQ(effect_of(decode("41 54")).pushed, 12);
  EXPECT_TRUE(effect_of(decode("41 54")).is_push);
  EXPECT_FALSE(effect_of(decode("6a 01")).is_push);  // push $1
}

TEST(Canary, IsComparedAtItsPlaceOnly) {
  EXPECT_TRUE(checks_canary(decode("64 48 2b 14 25 28 00 00 00")));   // sub fs:40,rdx
  EXPECT_TRUE(checks_canary(decode("64 48 33 14 25 28 00 00 00")));   // xor fs:40,rdx
  EXPECT_FALSE(checks_canary(decode("64 48 2b 14 25 30 00 00 00")));  // fs:48
  EXPECT_FALSE(checks_canary(decode("64 48 8b 14 25 28 00 00 00")));  // mov
  EXPECT_FALSE(checks_canary(decode("48 2b 14 25 28 00 00 00")));     // no fs
  EXPECT_FALSE(checks_canary(decode("64 48 2b 50 28")));              // fs:40(rax)
}

}  // namespace
}  // namespace beyla::probes::native
