#include "probes/go/sites/end_sites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/x86/code_bytes_test.h"
#include "probes/x86/code_reader.h"

namespace beyla::probes::go {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using x86::CodeReader;
using x86::kMaxReadInstructions;
using x86::testing::code_of;

constexpr std::int64_t kCallee = 0x1000;

// call 0x1000 at 2; test; je answer. Behind it an error's way, then the answer's.
constexpr std::string_view kAnswerAway = R"(31 c0 ; 0
    e8 f9 0f 00 00 ; 2: call 0x1000
    0f 1f 40 00 ; 7: nop
    48 89 44 24 08 ; 11: mov rax,8(rsp)
    48 85 db ; 16: test rbx,rbx
    74 03 ; 19: je 24
    31 c0 ; 21
    c3 ; 23: ret
    90 ; 24
    c3 ; 25: ret
    cc cc)";

TEST(EndSites, TheJumpThatTestsTheErrorAndTheOtherReturns) {
  const auto sites = find_end_sites(code_of(kAnswerAway), kCallee);
  EXPECT_EQ(sites.answer, 19U);
  EXPECT_THAT(sites.returns, ElementsAre(23U));
}

TEST(EndSites, TheAnswerMayBeTheNextInstruction) {
  const auto sites = find_end_sites(code_of(R"(e8 fb 0f 00 00 ; 0: call 0x1000
      48 85 db
      75 02 ; 8: jne 12
      90 c3 ; 10, 11: answer
      31 c0 c3 ; 12, 14: error)"),
                                    kCallee);
  EXPECT_EQ(sites.answer, 8U);
  EXPECT_THAT(sites.returns, ElementsAre(14U));
}

TEST(EndSites, ReturnsBeforeTheCallCount) {
  const auto sites = find_end_sites(code_of(R"(85 c0 ; 0
      74 01 ; 2: je 5
      c3 ; 4: ret
      e8 f6 0f 00 00 ; 5: call 0x1000
      48 85 db
      74 01 ; 13: je 16
      c3 ; 15: ret, error
      c3 ; 16: ret, answer)"),
                                    kCallee);
  EXPECT_EQ(sites.answer, 13U);
  EXPECT_THAT(sites.returns, ElementsAre(4U, 15U));
}

TEST(EndSites, ARetryIsNoEnd) {
  const auto sites = find_end_sites(code_of(R"(e8 fb 0f 00 00 ; 0: call 0x1000
      48 85 db
      74 05 ; 8: je 15
      85 c9 ; 10
      75 f2 ; 12: jne 0, again
      c3 ; 14: error
      c3 ; 15: answer)"),
                                    kCallee);
  EXPECT_EQ(sites.answer, 8U);
  EXPECT_THAT(sites.returns, ElementsAre(14U));
}

struct Unfit {
  const char* name;
  const char* code;
  std::vector<std::size_t> returns;
};

// Then each return is taken.
const Unfit kUnfit[] = {
    {"both ways share a return",
     R"(e8 fb 0f 00 00
         48 85 db
         74 02 ; je 12
         31 c0
         c3 ; 12)",
     {12}},
    {"the answer's way may come back to the call",
     R"(e8 fb 0f 00 00
         48 85 db
         74 01 ; je 11
         c3 ; 10
         85 c0
         74 f1 ; 13: je 0
         c3 ; 15)",
     {10, 15}},
    {"the answer's way may come back, and errors never leave",
     R"(e8 fb 0f 00 00
         48 85 db
         74 02 ; je 12
         eb f4 ; 10: jmp 0
         85 c0
         74 f0 ; 14: je 0
         c3 ; 16)",
     {16}},
    {"a result is overwritten before the jump",
     R"(e8 fb 0f 00 00
         48 89 c8 ; mov rcx,rax
         48 85 db
         74 01
         c3 c3)",
     {13, 14}},
    {"half of a result is overwritten",
     R"(e8 fb 0f 00 00
         b1 00 ; mov $0,cl
         48 85 db
         74 01
         c3 c3)",
     {12, 13}},
    {"another call comes first",
     R"(e8 fb 0f 00 00
         e8 00 00 00 00
         48 85 db
         74 01
         c3 c3)",
     {15, 16}},
    {"the flags are another comparison's",
     R"(e8 fb 0f 00 00
         48 85 db
         48 85 d2 ; test rdx,rdx
         74 01
         c3 c3)",
     {13, 14}},
    {"another jump",
     R"(e8 fb 0f 00 00
         48 85 db
         78 01 ; js
         c3 c3)",
     {10, 11}},
    {"the error is not tested",
     R"(e8 fb 0f 00 00
         48 85 c0 ; test rax,rax
         74 01
         c3 c3)",
     {10, 11}},
    {"called twice",
     R"(e8 fb 0f 00 00
         48 85 db
         74 06 ; je 16
         e8 f1 0f 00 00 ; 10: call 0x1000
         c3 ; 15
         c3 ; 16)",
     {15, 16}},
    {"never called",
     R"(48 85 db
         74 01
         c3 c3)",
     {5, 6}},
    {"a table of a switch",
     R"(85 c0
         74 02 ; je 6
         ff e1 ; 4: jmp *rcx
         e8 f5 0f 00 00 ; 6: call 0x1000
         48 85 db
         74 01
         c3 c3)",
     {16, 17}},
    {"a jump out of the function",
     R"(85 c0
         74 7f
         e8 f7 0f 00 00 ; 4: call 0x1000
         48 85 db
         74 01
         c3 c3)",
     {14, 15}},
    {"into the middle of an instruction",
     R"(85 c0
         74 01 ; je 5
         e8 f7 0f 00 00 ; 4: call 0x1000
         48 85 db
         74 01
         c3 c3)",
     {14, 15}},
    {"out of reach",
     R"(c3
         e8 fa 0f 00 00
         48 85 db
         74 01
         c3 c3)",
     {0, 11, 12}},
};

TEST(EndSites, EveryReturnWhereTheJumpIsNotCertain) {
  for (const auto& [name, code, returns] : kUnfit) {
    const auto sites = find_end_sites(code_of(code), kCallee);
    EXPECT_EQ(sites.answer, std::nullopt) << name;
    EXPECT_EQ(sites.returns, returns) << name;
  }
}

TEST(EndSites, EveryReturnWithoutACallee) {
  const auto sites = find_end_sites(code_of(kAnswerAway), std::nullopt);
  EXPECT_EQ(sites.answer, std::nullopt);
  EXPECT_THAT(sites.returns, ElementsAre(23U, 25U));
}

TEST(EndSites, NoneInWhatIsNoCode) {
  const auto sites = find_end_sites(code_of("c3 06"), kCallee);
  EXPECT_EQ(sites.answer, std::nullopt);
  EXPECT_THAT(sites.returns, IsEmpty());
}

TEST(EndSites, NoneWithTooManyReturns) {
  std::vector<std::byte> code(kMaxReturns, std::byte{0xc3});
  EXPECT_EQ(find_end_sites(code, kCallee).returns.size(), kMaxReturns);
  code.push_back(std::byte{0xc3});
  EXPECT_THAT(find_end_sites(code, kCallee).returns, IsEmpty());
}

TEST(CodeReader, FindsADirectCall) {
  const auto code = code_of("31 c0 e8 f9 0f 00 00 c3");
  EXPECT_TRUE(CodeReader(code).calls(0x1000));
  EXPECT_FALSE(CodeReader(code).calls(0x1001));
}

TEST(CodeReader, FindsACallBackwards) {
  EXPECT_TRUE(CodeReader(code_of("e8 00 f0 ff ff")).calls(-0xffb));
}

TEST(CodeReader, AJumpOrAConstantIsNoCall) {
  EXPECT_FALSE(CodeReader(code_of("e9 fb 0f 00 00")).calls(0x1000));
  EXPECT_FALSE(CodeReader(code_of("48 b8 e8 f9 0f 00 00 00 00 00")).calls(0x1000));
}

TEST(CodeReader, ReadsNoMoreThanItsLimit) {
  std::vector<std::byte> code(kMaxReadInstructions, std::byte{0x90});
  EXPECT_EQ(CodeReader(code).read_all().size(), kMaxReadInstructions);
  code.push_back(std::byte{0x90});
  EXPECT_THAT(CodeReader(code).read_all(), IsEmpty());
}

}  // namespace
}  // namespace beyla::probes::go
