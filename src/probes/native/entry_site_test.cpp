#include "probes/native/entry_site.h"

#include <gtest/gtest.h>

#include "probes/native/graph_test.h"

namespace beyla::probes::native {
namespace {

using testing::GraphOf;

struct Entry {
  const char* name;
  const char* code;
  std::size_t site;
  std::optional<std::uint32_t> stack_bytes;
  bool is_call = false;
};

constexpr Entry kEntries[] = {
    {"a register is saved first", "53 48 89 fb 5b c3", 0, 0},
    {"behind ENDBR64", "f3 0f 1e fa 41 54 41 5c c3", 4, 0},
    {"Debian's SSL_read: the JS behind the canary", R"(48 83 ec 18 ; sub $24,rsp
        64 48 8b 04 25 28 00 00 00 ; mov fs:40,rax
        48 89 44 24 08 31 c0 85 d2 ; xor; test edx,edx
        78 05 ; js
        48 83 c4 18 c3
        0f 0b)",
     22, 24},
    {"-O0: PUSH RBP", "55 48 89 e5 89 7d fc 5d c3", 0, 0},
    {"a NOP", "31 c0 90 c3", 2, 0},
    {"a jump is the first", "eb 00 c3", 0, 0},
    {"two saved before the first that counts: POP undoes it", "48 8d 64 24 f8 75 01 c3 c3", 5,
     std::nullopt},
    {"Debian's SSL_read_ex: only a call", R"(48 83 ec 08
        e8 04 00 00 00 ; call
        48 83 c4 08 c3)",
     4, 8, true},
    {"rdx is of no interest", "31 d2 75 01 c3 c3", 2, 0},
    {"a jump through a register might lead anywhere, but not to the first", "90 ff e0", 0, 0},
    {"nor to where RBX is saved", "48 85 ff 53 5b ff e0", 3, 0},
    {"the PLT leads away", R"(85 ff 74 01 c3
        e9 00 00 00 00
        ff 25 00 00 00 00 ; outside)",
     2, 0},
};

TEST(EntrySite, IsTheFirstEmulatedInstructionWithTheArgumentsAtHand) {
  for (const auto& [name, code, offset, stack_bytes, is_call] : kEntries) {
    const bool has_outside = std::string_view(code).find("outside") != std::string_view::npos;
    const GraphOf made(code, has_outside ? 10 : 0);
    ASSERT_TRUE(made.graph) << name;
    const auto site = find_entry_site(*made.graph, 2);
    ASSERT_TRUE(site) << name << ": " << refusal_name(site.error());
    EXPECT_EQ(site->offset, offset) << name;
    EXPECT_EQ(site->stack_bytes, stack_bytes) << name;
    EXPECT_EQ(site->is_call, is_call) << name;
  }
}

struct NoEntry {
  const char* name;
  const char* code;
  SiteRefusal why;
};

constexpr NoEntry kNoEntries[] = {
    {"nothing is emulated", "48 8b 07 c3", SiteRefusal::no_emulated_instruction},
    {"a part of RSI is overwritten", "40 30 f6 53 5b c3", SiteRefusal::argument_overwritten},
    {"XCHG writes both", "48 87 f8 53 5b c3", SiteRefusal::argument_overwritten},
    {"REP MOVS writes RDI without naming it", "a4 53 5b c3", SiteRefusal::argument_overwritten},
    {"a loop back to the first instruction", "85 ff 75 fc c3", SiteRefusal::entered_again},
    {"a loop back to one before the site", "31 c0 85 ff 75 fc c3", SiteRefusal::entered_again},
    {"out of the cold part, too", R"(48 85 ff 74 01 c3
        eb f8 ; outside)",
     SiteRefusal::entered_again},
    {"a table of jumps", "85 ff 74 01 c3 ff e0", SiteRefusal::unknown_jumps},
    {"RAX may be saved often", "85 ff 50 58 ff e0", SiteRefusal::unknown_jumps},
    {"RBX is not the caller's any more", "31 db 53 5b ff e0", SiteRefusal::unknown_jumps},
    {"a far call", "48 ff 18 53 c3", SiteRefusal::no_emulated_instruction},
    {"a call through a register", "ff d0 53 5b c3", SiteRefusal::no_emulated_instruction},
};

TEST(EntrySite, IsNoneWhereAnyThingIsInDoubt) {
  for (const auto& [name, code, why] : kNoEntries) {
    const bool has_outside = std::string_view(code).find("outside") != std::string_view::npos;
    const GraphOf made(code, has_outside ? 6 : 0);
    ASSERT_TRUE(made.graph) << name;
    const auto site = find_entry_site(*made.graph, 2);
    ASSERT_FALSE(site) << name << ": at " << site->offset;
    EXPECT_EQ(site.error(), why) << name << ": " << refusal_name(site.error());
  }
}

TEST(EntrySite, AsksForAsManyArgumentsAsAreWanted) {
  const GraphOf made("31 c9 75 01 c3 c3");  // xor ecx,ecx
  EXPECT_TRUE(find_entry_site(*made.graph, 3));
  EXPECT_FALSE(find_entry_site(*made.graph, 4));
}

TEST(EntrySite, IsNotLookedForDeepInTheFunction) {
  std::string code;
  for (int count = 0; count < kMaxEntryInstructions; ++count) code += "31 c0 ";
  EXPECT_FALSE(find_entry_site(*GraphOf(code + "53 5b c3").graph, 0));
  EXPECT_TRUE(find_entry_site(*GraphOf(code.substr(6) + "53 5b c3").graph, 0));
}

TEST(EntrySite, DoesNotMindWhatOtherFunctionsDoThatAreJumpedTo) {
  constexpr std::string_view kCode = R"(85 ff 74 01 c3 ; 0: test; 2: je
      e9 00 00 00 00 ; 5: jmp 10
      ff e0 ; 10)";
  EXPECT_EQ(find_entry_site(*GraphOf(kCode, 10).graph, 1).error(), SiteRefusal::unknown_jumps);
  EXPECT_EQ(find_entry_site(*GraphOf(kCode, 10, 10).graph, 1)->offset, 2U);
  constexpr std::string_view kConditional = R"(85 ff 74 02 ; 0: test; 2: je 6
      ff e0 ; 4: within the function still
      c3 ; 6)";
  EXPECT_EQ(find_entry_site(*GraphOf(kConditional, 6, 6).graph, 1).error(),
            SiteRefusal::unknown_jumps);
}

TEST(FlowGraph, RefusesWhatItCannotRead) {
  EXPECT_EQ(GraphOf("53 06 c3").graph.error(), SiteRefusal::undecodable);
  EXPECT_EQ(GraphOf("75 01 e9 c3 00 00 00").graph.error(), SiteRefusal::undecodable);  // into E9
  EXPECT_EQ(GraphOf("53 e8").graph.error(), SiteRefusal::undecodable);                 // cut off
}

TEST(FlowGraph, RefusesFunctionsThatAreTooLarge) {
  std::string code;
  for (std::size_t count = 0; count < kMaxFlowInstructions; ++count) code += "90 ";
  EXPECT_EQ(GraphOf(code + "c3").graph.error(), SiteRefusal::too_large);
  EXPECT_TRUE(GraphOf(code.substr(3) + "c3").graph);
}

}  // namespace
}  // namespace beyla::probes::native
