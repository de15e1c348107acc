#include "probes/go/sites/call_sites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::go {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using x86::testing::code_of;

constexpr std::int64_t kCallee = 0x100;
constexpr std::int64_t kMethod = 0x48;

TEST(CallSites, AreTheDirectCallsOfTheFunction) {
  const auto code = code_of(R"(90
      e8 fa 00 00 00 ; at 1, calls 0x100
      e8 fa 00 00 00 ; at 6, calls 0x105
      ff d2
      e8 ee 00 00 00 ; at 13, calls 0x100
      e9 e9 00 00 00 ; jumps there
      c3)");
  EXPECT_THAT(find_call_sites(code, kCallee), ElementsAre(1, 13));
}

TEST(CallSites, NoneOfTooMany) {
  std::vector<std::byte> code;
  for (std::size_t calls = 1; calls <= kMaxCalls + 1; ++calls) {
    auto one = code_of("e8 00 00 00 00");
    one[1] = static_cast<std::byte>(kCallee - 5 * static_cast<std::int64_t>(calls));
    code.insert(code.end(), one.begin(), one.end());
    EXPECT_EQ(find_call_sites(code, kCallee).size(), calls <= kMaxCalls ? calls : 0);
  }
}

TEST(CallSites, NoneInWhatIsNoCode) {
  EXPECT_THAT(find_call_sites(code_of("e8 fb 00 00 00 0f"), kCallee), IsEmpty());
}

// Behind `call 0x100` at 0.
bool calls_it(std::string_view text) {
  auto code = code_of("e8 fb 00 00 00");
  const auto rest = code_of(text);
  code.insert(code.end(), rest.begin(), rest.end());
  return calls_method_next(code, kCallee, kMethod);
}

TEST(MethodNext, AsGo126WritesIt) {
  EXPECT_TRUE(calls_it(R"(48 8b 8c 24 60 04 00 00 ; mov 0x460(rsp),rcx
      48 8b 51 10 ; mov 0x10(rcx),rdx
      48 8b 41 18 ; mov 0x18(rcx),rax
      48 8b 4a 48 ; mov 0x48(rdx),rcx
      31 db 31 ff
      48 89 ca ; mov rcx,rdx
      31 c9
      ff d2 ; call rdx
      c3)"));
}

TEST(MethodNext, AsGo121WritesIt) {
  EXPECT_TRUE(calls_it("48 8b 51 10 48 8b 41 18 48 8b 52 48 31 db 31 ff 31 c9 ff d2 c3"));
}

struct Other {
  const char* name;
  const char* code;
};

constexpr Other kOthers[] = {
    {"another method", "48 8b 52 40 ff d2 c3"},
    {"a local variable", "48 8b 54 24 48 ff d2 c3"},  // mov 0x48(rsp),rdx
    {"overwritten", "48 8b 52 48 31 d2 ff d2 c3"},    // xor edx,edx
    {"half of it", "8b 52 48 ff d2 c3"},              // mov 0x48(rdx),edx
    {"another register", "48 8b 52 48 ff d1 c3"},     // call rcx
    {"a direct call before", "48 8b 52 48 e8 00 01 00 00 ff d2 c3"},
    {"a branch before", "48 8b 52 48 74 02 ff d2 c3"},
    {"a return before", "48 8b 52 48 c3 ff d2"},
    {"nothing", "48 8b 52 48"},
    {"called twice", "48 8b 52 48 ff d2 e8 f0 00 00 00 c3"},
};

TEST(MethodNext, NothingElse) {
  for (const auto& [name, code] : kOthers) EXPECT_FALSE(calls_it(code)) << name;
}

TEST(MethodNext, NotTooFarAway) {
  std::string code = "48 8b 52 48 ";
  for (int nops = 0; nops < 24; ++nops) code += "90 ";
  EXPECT_FALSE(calls_it(code + "ff d2 c3"));
}

}  // namespace
}  // namespace beyla::probes::go
