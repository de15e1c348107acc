#include "probes/native/inner_call.h"

#include <gtest/gtest.h>

#include "probes/native/graph_test.h"

namespace beyla::probes::native {
namespace {

using testing::GraphOf;

// The call leads to offset 0x20.
struct Outer {
  const char* name;
  const char* code;
  unsigned last_argument = 3;
};

constexpr Outer kOuters[] = {
    {"Debian's SSL_read_ex", R"(48 83 ec 08
        e8 17 00 00 00 ; call
        31 d2 85 c0 0f 48 c2 ; xor edx,edx; test eax,eax; cmovs eax,edx
        48 83 c4 08 31 d2 31 c9 c3)"},
    {"with a frame pointer", R"(55 48 89 e5
        e8 17 00 00 00
        85 c0 ba 00 00 00 00 0f 48 c2 ; mov leaves the flags of the test
        5d c3)"},
    {"behind ENDBR64, the result as it is", R"(f3 0f 1e fa 48 83 ec 08
        e8 13 00 00 00
        48 83 c4 08 c3)"},
    {"since OpenSSL 3.2: flags before the last", R"(48 83 ec 08
        49 89 c8 31 c9 ; mov r8,rcx; xor ecx,ecx
        e8 12 00 00 00
        48 83 c4 08 c3)",
     4},
    {"by a jump", R"(eb 03 cc cc cc
        e8 16 00 00 00
        c3)"},
};

TEST(InnerCall, GetsTheArgumentsAsTheyCameAndGivesTheResult) {
  for (const auto& [name, code, last_argument] : kOuters) {
    const GraphOf made(code);
    ASSERT_TRUE(made.graph) << name;
    const auto call = find_inner_call(*made.graph, kFourthArgument);
    ASSERT_TRUE(call) << name;
    EXPECT_EQ(call->offset, 0x20U) << name;
    EXPECT_EQ(call->last_argument, last_argument) << name;
    EXPECT_TRUE(calls(*made.graph, 0x20)) << name;
    EXPECT_FALSE(calls(*made.graph, 0x21)) << name;
  }
}

constexpr Outer kOthers[] = {
    {"no call", "31 c0 c3"},
    {"a tail call", "e9 1b 00 00 00"},
    {"the buffer is another", "48 89 d6 e8 18 00 00 00 c3"},
    {"the bytes are others", "48 63 d2 e8 18 00 00 00 c3"},
    {"the last argument is another", "48 89 e1 e8 18 00 00 00 c3"},
    {"the last argument is another after it was moved", "49 89 c8 49 89 e0 e8 15 00 00 00 c3"},
    {"something is stored before", "48 89 0e e8 18 00 00 00 c3"},
    {"by a register", "ff d0 c3"},
    {"only if", "85 d2 78 05 e8 17 00 00 00 c3"},
    {"another call follows", "e8 1b 00 00 00 e8 16 00 00 00 c3"},
    {"the result is another", "e8 1b 00 00 00 31 c0 c3"},
    {"the result is changed for one that is positive", "e8 1b 00 00 00 85 c0 0f 4f c2 c3"},
    {"the sign is that of something else", "e8 1b 00 00 00 85 d2 0f 48 c2 c3"},
    {"the sign is lost", "e8 1b 00 00 00 85 c0 31 d2 0f 48 c2 c3"},
    {"the sign is that of more bits", "e8 1b 00 00 00 48 85 c0 0f 48 c2 c3"},
    {"something is stored behind", "e8 1b 00 00 00 48 89 06 c3"},
    {"two ways behind", "e8 1b 00 00 00 85 c0 78 01 c3 c3"},
};

TEST(InnerCall, IsRefusedWhereSomethingElseMayHappen) {
  for (const auto& [name, code, last_argument] : kOthers) {
    const GraphOf made(code);
    ASSERT_TRUE(made.graph) << name;
    EXPECT_FALSE(find_inner_call(*made.graph, kFourthArgument)) << name;
  }
}

TEST(InnerCall, MayHaveFiveArgumentsAsTheOuterOne) {
  const GraphOf made("31 c0 e8 19 00 00 00 c3");
  const auto call = find_inner_call(*made.graph, kFifthArgument);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->last_argument, kFifthArgument);
  const GraphOf overwrites("49 89 c8 e8 18 00 00 00 c3");
  EXPECT_FALSE(find_inner_call(*overwrites.graph, kFifthArgument));
}

TEST(InnerCall, ThoseBesideOthersAreCalls) {
  const GraphOf made("85 d2 78 05 e8 17 00 00 00 c3");
  EXPECT_TRUE(calls(*made.graph, 0x20));
}

}  // namespace
}  // namespace beyla::probes::native
