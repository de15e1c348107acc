// On this very program, whose functions below are written in assembly.
#include "probes/native/inner_function.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string_view>

asm(R"(
  .text
  .macro calls_inner name, inner
  .globl \name
  .type \name, @function
\name:
  sub $8, %rsp
  call \inner
  add $8, %rsp
  ret
  .size \name, . - \name
  .endm
  calls_inner inner_test_outer, 1f
  calls_inner inner_test_other, 1f
  calls_inner inner_test_stranger, 2f
  calls_inner inner_test_stepped, 3f
  calls_inner inner_test_again, 4f
  calls_inner inner_test_marked, 5f
1: push %rbx
  pop %rbx
  ret
2: push %rbx
  pop %rbx
  ret
3: sub $8, %rsp
  push %rbx
  pop %rbx
  add $8, %rsp
  ret
4: push %rbx
  pop %rbx
  dec %edx
  jne 4b
  ret
5: endbr64
  push %rbx
  pop %rbx
  ret
)");

namespace beyla::probes::native {
namespace {

class InnerFunctionTest : public ::testing::Test {
 protected:
  InnerFunctionTest() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    file_.assign(bytes.begin(), bytes.end());
  }
  auto find(std::string_view outer, std::vector<std::string_view> others = {}) const {
    const auto elf = elf::ElfFile::read(file_).value();
    others.insert(others.begin(), outer);
    std::vector<elf::FunctionSymbol> functions;
    for (const auto& found : elf::find_functions(elf, others)) functions.push_back(found.at(0));
    return find_inner_function(elf, FunctionStarts(elf), functions.front(), 3,
                               std::span(functions).subspan(1));
  }

  std::vector<std::byte> file_;
};

TEST_F(InnerFunctionTest, BeginsWithTheSite) {
  const auto inner = find("inner_test_outer", {"inner_test_other"});
  ASSERT_TRUE(inner) << refusal_name(inner.error());
  EXPECT_EQ(inner->last_argument, 3U);
  ASSERT_TRUE(inner->sites.entry);
  EXPECT_EQ(inner->sites.entry->offset, inner->sites.file_offset);
  EXPECT_EQ(inner->sites.bytes, 1U);
  EXPECT_EQ(file_[inner->sites.entry->offset], std::byte{0x53});
}

TEST_F(InnerFunctionTest, MayHaveAMarkForIndirectBranches) {
  const auto inner = find("inner_test_marked");
  ASSERT_TRUE(inner) << refusal_name(inner.error());
  EXPECT_EQ(inner->sites.entry->offset, inner->sites.file_offset + 4);
  EXPECT_EQ(inner->sites.bytes, 5U);
}

TEST_F(InnerFunctionTest, IsThatOfAllWhoCallIt) {
  EXPECT_EQ(find("inner_test_outer", {"inner_test_other", "inner_test_stranger"}).error(),
            SiteRefusal::no_inner_call);
}

TEST_F(InnerFunctionTest, IsOfNoUseIfItsBeginningIsStepped) {
  EXPECT_EQ(find("inner_test_stepped").error(), SiteRefusal::no_emulated_instruction);
}

TEST_F(InnerFunctionTest, IsOfNoUseIfItsBeginningIsPassedAgain) {
  EXPECT_EQ(find("inner_test_again").error(), SiteRefusal::entered_again);
}

}  // namespace
}  // namespace beyla::probes::native
