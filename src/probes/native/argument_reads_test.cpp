#include "probes/native/argument_reads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::native {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ArgumentReads reads_of(std::string_view code) {
  ArgumentReads reads;
  add_third_argument_reads(reads, x86::testing::code_of(code));
  return reads;
}

// As rustc 1.95 compiles rustls' encrypt.
TEST(ArgumentReads, AreFollowedThroughCopiesOfTheAddress) {
  // mov rax,[rdx+10]; mov rbx,[rdx+18]; cmp qword [rdx],0; mov r15,rdx; mov edx,5;
  // movzx eax,byte [r15+20]; movzx ebp,byte [r15+21]
  const auto reads = reads_of(
      "48 8b 42 10  48 8b 5a 18  48 83 3a 00  49 89 d7  ba 05 00 00 00  41 0f b6 47 20"
      "41 0f b6 6f 21");
  EXPECT_THAT(reads.words, ElementsAre(0, 0x10, 0x18));
  EXPECT_THAT(reads.bytes, ElementsAre(0x20, 0x21));
  EXPECT_FALSE(reads.others);
}

TEST(ArgumentReads, AnOverwrittenRegisterIsNotTheArgument) {
  // mov edx,5; movzx eax,byte [rdx+40]
  EXPECT_THAT(reads_of("ba 05 00 00 00  0f b6 42 40").bytes, IsEmpty());
}

TEST(ArgumentReads, WritesAreNone) {
  EXPECT_THAT(reads_of("c6 42 40 05").bytes, IsEmpty());  // mov byte [rdx+40],5
}

TEST(ArgumentReads, AnIndexedReadCannotBeTold) {
  EXPECT_TRUE(reads_of("8a 04 02").others);  // mov al,[rdx+rax]
}

TEST(ArgumentReads, EndAtBytesThatAreNoInstruction) {
  EXPECT_THAT(reads_of("0f b6 42 20  06  0f b6 42 28").bytes, ElementsAre(0x20));
}

}  // namespace
}  // namespace beyla::probes::native
