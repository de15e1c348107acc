// On this very program, whose functions below are written in assembly.
#include "probes/native/function_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "probes/elf/functions.h"
#include "probes/native/code_references.h"

asm(R"(
  .section .rodata
  .globl code_test_text
  .type code_test_text, @function
code_test_text: .asciz "text"
  .size code_test_text, . - code_test_text
  .text
  .globl code_test_callee, code_test_caller
  .type code_test_callee, @function
  .type code_test_caller, @function
code_test_callee:
  ret
  .size code_test_callee, . - code_test_callee
code_test_caller:
  lea code_test_text(%rip), %rdi
  mov $276, %esi
  xor %edx, %edx
  mov %r8, 8(%rsp)
  mov %r8, 8(%rbx)
  lock xadd %eax, (%rdi)
  cmp %rcx, %rax
  lea 8(%rbx), %rax
  call code_test_callee
  jmp *(%rax)
  .size code_test_caller, . - code_test_caller
)");

namespace beyla::probes::native {
namespace {

using ::testing::ElementsAre;

class FunctionCodeTest : public ::testing::Test {
 protected:
  enum Line : std::size_t {
    kLea,
    kNumber,
    kZero,
    kToStack,
    kToMemory,
    kDecrement,
    kCompare,
    kLocalLea,
    kCall,
    kJump,
    kLines
  };
  FunctionCodeTest() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    file_.assign(bytes.begin(), bytes.end());
    elf_ = elf::ElfFile::read(file_).value();
    const auto caller = symbol("code_test_caller");
    range_ = {.address = caller.address,
              .bytes = static_cast<std::uint32_t>(caller.bytes),
              .begins_call = true};
    lines_ = read_function_code(*elf_, range_);
  }
  elf::FunctionSymbol symbol(std::string_view name) const {
    return elf::find_functions(*elf_, std::span(&name, 1)).front().at(0);
  }
  std::vector<std::size_t> lines_that(bool CodeLine::* property) const {
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at < lines_.size(); ++at) {
      if (lines_[at].*property) found.push_back(at);
    }
    return found;
  }

  std::vector<std::byte> file_;
  std::optional<elf::ElfFile> elf_;
  elf::FunctionRange range_;
  std::vector<CodeLine> lines_;
};

TEST_F(FunctionCodeTest, IsAllOfItsInstructions) {
  ASSERT_EQ(lines_.size(), std::size_t{kLines});
  EXPECT_EQ(lines_.front().address, range_.address);
  EXPECT_EQ(lines_.back().end(), range_.end());
}

TEST_F(FunctionCodeTest, SaysWhatItRefersToAndCalls) {
  EXPECT_EQ(lines_[kLea].refers_to, symbol("code_test_text").address);
  EXPECT_FALSE(lines_[kLocalLea].refers_to);
  EXPECT_EQ(lines_[kCall].target, symbol("code_test_callee").address);
  EXPECT_TRUE(lines_[kCall].is_call());
  EXPECT_FALSE(lines_[kCall].is_indirect());
  EXPECT_TRUE(lines_[kJump].is_indirect());
}

TEST_F(FunctionCodeTest, SaysWhichNumbersRegistersGet) {
  ASSERT_TRUE(lines_[kNumber].constant && lines_[kZero].constant);
  EXPECT_EQ(lines_[kNumber].constant->number, kRsi);
  EXPECT_EQ(lines_[kNumber].constant->value, 276U);
  EXPECT_EQ(lines_[kZero].constant->number, kRdx);
  EXPECT_EQ(lines_[kZero].constant->value, 0U);
  EXPECT_FALSE(lines_[kLea].constant);
}

TEST_F(FunctionCodeTest, SaysWhatIsReadAndWritten) {
  EXPECT_EQ(lines_[kZero].read, 0);
  EXPECT_EQ(lines_[kZero].written, bit_of(kRdx));
  EXPECT_NE(lines_[kToStack].read & bit_of(kR8), 0);
  EXPECT_EQ(lines_[kCompare].read, bit_of(kRcx) | bit_of(kRax));
  EXPECT_EQ(lines_[kCompare].written, 0);
}

TEST_F(FunctionCodeTest, MemoryThatIsNotOfTheStackIsToldApart) {
  EXPECT_THAT(lines_that(&CodeLine::stores), ElementsAre(kToMemory, kDecrement));
  EXPECT_THAT(lines_that(&CodeLine::decrements), ElementsAre(kDecrement));
}

TEST_F(FunctionCodeTest, OfWhatIsNoCodeIsNone) {
  EXPECT_TRUE(
      read_function_code(*elf_, {.address = symbol("code_test_text").address, .bytes = 4}).empty());
  EXPECT_TRUE(
      read_function_code(*elf_, {.address = range_.address, .bytes = range_.bytes - 1}).empty());
  EXPECT_TRUE(
      read_function_code(*elf_, {.address = range_.address, .bytes = kMaxFunctionCodeBytes + 1})
          .empty());
}

TEST_F(FunctionCodeTest, ReferencesAreFoundInAllCode) {
  const std::uint64_t text = symbol("code_test_text").address;
  const std::uint64_t callee = symbol("code_test_callee").address;
  const auto found = find_code_references(*elf_, std::array{callee, text});
  const auto fields = [&](std::uint64_t target) {
    std::vector<std::uint64_t> places;
    for (const auto& [field, named] : found) {
      if (named == target && range_.contains(field)) places.push_back(field);
    }
    return places;
  };
  EXPECT_THAT(fields(text), ElementsAre(lines_[kLea].end() - 4));
  EXPECT_THAT(fields(callee), ElementsAre(lines_[kCall].end() - 4));
  EXPECT_TRUE(find_code_references(*elf_, {}).empty());
}

TEST_F(FunctionCodeTest, NumbersThatAreAddressesAreReferences) {
  const auto found = find_code_references(*elf_, std::array{std::uint64_t{276}});
  EXPECT_TRUE(std::ranges::any_of(
      found, [&](const auto& one) { return one.field == lines_[kNumber].address + 1; }));
}

}  // namespace
}  // namespace beyla::probes::native
