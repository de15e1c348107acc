#include "probes/native/exit_sites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/native/graph_test.h"

namespace beyla::probes::native {
namespace {

using ::testing::ElementsAre;
using testing::GraphOf;

TEST(ExitSites, AreTheCanarysJump) {
  const GraphOf made(R"(48 83 ec 18 ; 0
      e8 00 01 00 00 ; 4: call
      64 48 2b 14 25 28 00 00 00 ; 9: sub fs:40,rdx
      75 05 ; 18: jne 25
      48 83 c4 18 c3 ; 20: add; 24: ret
      e8 00 01 00 00 ; 25: call __stack_chk_fail)");
  ASSERT_TRUE(made.graph);
  EXPECT_THAT(find_exit_sites(*made.graph).value(), ElementsAre(18));
}

TEST(ExitSites, AreTheCanarysJumpOverTheCallThatFails) {
  const GraphOf made(R"(31 c0 ; 0
      64 48 2b 14 25 28 00 00 00 ; 2: sub fs:40,rdx
      74 05 ; 11: je 18
      e8 00 01 00 00 ; 13: call __stack_chk_fail
      c9 c3 ; 18: leave; ret)");
  ASSERT_TRUE(made.graph);
  EXPECT_THAT(find_exit_sites(*made.graph).value(), ElementsAre(11));
}

TEST(ExitSites, AreOneOnEachWay) {
  const GraphOf made(R"(85 ff 74 06 ; 0: test; 2: je 10
      b8 01 00 00 00 ; 4: mov $1,eax
      c3 ; 9 -- the way without a jump is closed below
      31 c0 ; 10
      eb 00 ; 12: jmp 14
      c3)");
  EXPECT_EQ(find_exit_sites(*made.graph).error(), SiteRefusal::no_emulated_instruction);
  const GraphOf covered(R"(85 ff 74 07 ; 0: test; 2: je 11
      b8 01 00 00 00 ; 4
      eb 04 ; 9: jmp 15
      31 c0 ; 11
      eb 00 ; 13: jmp 15
      c3)");
  EXPECT_THAT(find_exit_sites(*covered.graph).value(), ElementsAre(9, 13));
}

struct NoExit {
  const char* name;
  const char* code;
  SiteRefusal why;
};

constexpr NoExit kNoExits[] = {
    {"the result is made behind the last jump", "85 ff 75 00 b8 01 00 00 00 c3",
     SiteRefusal::no_emulated_instruction},
    {"CMOV may make it", "31 c0 eb 00 0f 48 c2 c3", SiteRefusal::no_emulated_instruction},
    {"CLTQ makes it", "eb 00 48 98 c3", SiteRefusal::no_emulated_instruction},
    {"SETE makes a part of it", "eb 00 0f 94 c0 c3", SiteRefusal::no_emulated_instruction},
    {"MUL makes it without naming it", "eb 00 f7 e1 c3", SiteRefusal::no_emulated_instruction},
    {"a call behind the jump", "eb 00 e8 00 01 00 00 c3", SiteRefusal::no_emulated_instruction},
    {"a system call behind the jump", "eb 00 0f 05 c3", SiteRefusal::no_emulated_instruction},
    {"memory is written behind it", "31 c0 eb 00 89 07 c3", SiteRefusal::no_emulated_instruction},
    {"only a prologue", "53 5b c3", SiteRefusal::no_emulated_instruction},
    {"a loop without a result", "31 c0 ff c1 75 fc c3", SiteRefusal::passed_twice},
    {"a tail call through a register", "31 c0 eb 00 ff e0", SiteRefusal::unknown_jumps},
    {"a loop for ever", "eb fe", SiteRefusal::never_returns},
    {"a tail call", "31 c0 eb 00 e9 00 00 00 00 c3 ; outside", SiteRefusal::tail_call},
    {"a tail call by the PLT", "31 c0 eb 00 e9 00 00 00 00 ff 25 00 00 00 00 ; outside",
     SiteRefusal::tail_call},
    {"a jump out of the code", "31 c0 eb 00 e9 00 01 00 00", SiteRefusal::tail_call},
};

TEST(ExitSites, AreNoneWhereAnyThingIsInDoubt) {
  for (const auto& [name, code, why] : kNoExits) {
    const bool has_outside = std::string_view(code).find("outside") != std::string_view::npos;
    const GraphOf made(code, has_outside ? 9 : 0);
    ASSERT_TRUE(made.graph) << name;
    const auto sites = find_exit_sites(*made.graph);
    ASSERT_FALSE(sites) << name << ": at " << sites->front();
    EXPECT_EQ(sites.error(), why) << name << ": " << refusal_name(sites.error());
  }
}

TEST(ExitSites, MayBeEndedByAColdPartThatReturnsIntoTheFunction) {
  const GraphOf made(R"(85 ff 75 05 ; 0: test; 2: jne 9
      31 c0 ; 4
      eb 00 ; 6: jmp 8
      c3 ; 8
      31 c0 eb f9 ; 9: outside: xor; jmp 6)",
                     9);
  ASSERT_TRUE(made.graph);
  EXPECT_THAT(find_exit_sites(*made.graph).value(), ElementsAre(6));
}

TEST(ExitSites, NeedNotCoverACallThatIsTheLastOfTheFunction) {
  const GraphOf made(R"(31 c0 85 ff ; 0: xor; test
      75 01 c3 ; 4: jne 7; ret
      e8 00 01 00 00 ; 7: call abort
      b8 01 00 00 00 c3 ; 12: another function)",
                     12);
  EXPECT_THAT(find_exit_sites(*made.graph).value(), ElementsAre(4));
}

TEST(ExitSites, AreNoneWithATailCallEvenIfItIsConditional) {
  const GraphOf made("31 c0 85 ff 75 01 c3 31 c0 eb 00 c3", 7, 7);  // jne to the other one
  EXPECT_EQ(find_exit_sites(*made.graph).error(), SiteRefusal::tail_call);
}

TEST(ExitSites, AreTheCanarysJumpAlsoWhereItLeadsToTheFunctionThatFails) {
  const GraphOf made(R"(31 c0 ; 0
      64 48 2b 14 25 28 00 00 00 ; 2: sub fs:40,rdx
      75 01 c3 ; 11: jne 14; ret
      0f 0b ; 14)",
                     14, 14);
  EXPECT_THAT(find_exit_sites(*made.graph).value(), ElementsAre(11));
}

TEST(ExitSites, OfTooManyWaysAreNone) {
  std::string code;
  for (std::size_t way = 0; way <= kMaxExitSites; ++way) code += "85 ff 74 05 31 c0 eb 00 c3 ";
  const GraphOf made(code + "31 c0 eb 00 c3");
  EXPECT_EQ(find_exit_sites(*made.graph).error(), SiteRefusal::too_large);
}

}  // namespace
}  // namespace beyla::probes::native
