#include "probes/go/sites/entry_site.h"

#include <gtest/gtest.h>

#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::go {
namespace {

using x86::testing::code_of;

struct Prologue {
  const char* name;
  const char* code;
  std::optional<std::size_t> site;
};

// As the compilers of Go 1.17 to 1.26 write them.
constexpr Prologue kPrologues[] = {
    {"small frame, near jump, Go 1.21", R"(49 3b 66 10 ; cmp 16(r14),rsp
        76 1a ; jbe
        55 48 89 e5)",
     4},
    {"small frame, far jump", R"(49 3b 66 10
        0f 86 8a 00 00 00 ; jbe
        55)",
     4},
    {"small frame, Go 1.17", R"(49 3b 66 10
        76 3b
        48 83 ec 18 ; sub $24,rsp)",
     4},
    {"middle frame", R"(4c 8d 64 24 d8 ; lea -40(rsp),r12
        4d 3b 66 10 ; cmp 16(r14),r12
        0f 86 2d 03 00 00)",
     9},
    {"middle frame with 32 bits of distance", R"(4c 8d a4 24 58 fe ff ff ; lea -424(rsp),r12
        4d 3b 66 10
        0f 86 68 0e 00 00)",
     12},
    {"huge frame: two jumps", R"(49 89 e4 ; mov rsp,r12
        49 81 ec 00 20 00 00 ; sub $8192,r12
        0f 82 00 01 00 00 ; jb
        4d 3b 66 10
        0f 86 f6 00 00 00)",
     20},
    {"padded", R"(90 0f 1f 44 00 00 ; nops
        49 3b 66 10
        90
        76 1a)",
     11},
    {"leaf", R"(55 48 89 e5 5d c3)", std::nullopt},
    {"leaf of Go 1.17", R"(48 8b 00 c3)", std::nullopt},
    {"stackguard1, of the system's stack", R"(49 3b 66 18 76 1a 55)", std::nullopt},
    {"another register than g", R"(49 3b 67 10 76 1a 55)", std::nullopt},            // r15
    {"an index", R"(4b 3b 64 16 10 76 1a 55)", std::nullopt},                        // 16(r14,r10)
    {"another register than the stack's", R"(49 3b 46 10 76 1a 55)", std::nullopt},  // rax
    {"the other way round", R"(49 39 66 10 76 1a 55)", std::nullopt},  // cmp rsp,16(r14)
    {"another jump", R"(49 3b 66 10 77 1a 55)", std::nullopt},         // ja
    {"a jump without the comparison", R"(76 1a 55)", std::nullopt},
    {"an argument is overwritten first", R"(31 c0 49 3b 66 10 76 1a)", std::nullopt},
    {"an argument is overwritten in between", R"(49 3b 66 10 48 8d 40 08 76 1a)", std::nullopt},
    {"a call comes first", R"(e8 00 00 00 00 49 3b 66 10 76 1a)", std::nullopt},
    {"old calling convention", R"(64 48 8b 0c 25 f8 ff ff ff ; mov fs:-8,rcx
        48 3b 61 10 76 1a)",
     std::nullopt},
    {"nothing", "", std::nullopt},
    {"cut off in the comparison", "49 3b 66", std::nullopt},
    {"cut off before the jump", "49 3b 66 10", std::nullopt},
    {"cut off in the jump", "49 3b 66 10 0f 86 00 00", std::nullopt},
    {"no instruction", "06 49 3b 66 10 76 1a", std::nullopt},
};

TEST(EntrySite, IsTheJumpOfTheStackCheckOrNothing) {
  for (const auto& [name, code, site] : kPrologues) {
    EXPECT_EQ(find_entry_site(code_of(code)), site) << name;
  }
}

TEST(EntrySite, IsNotLookedForBehindTheBeginning) {
  std::vector<std::byte> code(100, std::byte{0x90});
  for (const std::byte byte : code_of("49 3b 66 10 76 1a")) code.push_back(byte);
  EXPECT_EQ(find_entry_site(code), std::nullopt);
}

}  // namespace
}  // namespace beyla::probes::go
