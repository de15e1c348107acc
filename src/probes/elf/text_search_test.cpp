// On this very program.
#include "probes/elf/text_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

asm(R"(
  .section .rodata
  .globl search_test_one, search_test_two
  .ascii "\0"
search_test_one: .asciz "text of the search test, whole"
search_test_two: .asciz "and at the end: text of the search test, whole"
  .asciz "text of the search test, whole and more"
  .text
)");
extern "C" const char search_test_one[], search_test_two[];

namespace beyla::probes::elf {
namespace {

TEST(TextSearch, FindsWhatEndsWithTheTextAndNothingElse) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(file), {});
  const auto elf = ElfFile::read(std::as_bytes(std::span(content))).value();
  std::string text = "text of the search test, ";
  text += "whole";  // this one is not to be found
  const auto places = find_text(elf, text);
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[1] - places[0],
            static_cast<std::uint64_t>(search_test_two - search_test_one) + 16);
  EXPECT_THAT(find_text(elf, text + " and no more"), testing::IsEmpty());
}

}  // namespace
}  // namespace beyla::probes::elf
