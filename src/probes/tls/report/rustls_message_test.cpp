#include "probes/tls/report/rustls_message.h"

#include <gtest/gtest.h>

#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::tls {
namespace {

MessageReads reads_of(std::string_view code) {
  MessageReads reads;
  add_message_reads(reads, x86::testing::code_of(code));
  return reads;
}

// As rustc compiles `encrypt`: mov rax,[rdx+10]; mov rbx,[rdx+18]; cmp qword [rdx],0.
constexpr std::string_view kChunks = "48 8b 42 10  48 8b 5a 18  48 83 3a 00 ";
// mov r15,rdx; mov edx,5; movzx eax,byte [r15+20]; movzx ebp,byte [r15+21].
constexpr std::string_view kTypeAt20 = "49 89 d7  ba 05 00 00 00  41 0f b6 47 20  41 0f b6 6f 21 ";

std::string join(std::string_view one, std::string_view other) {
  return std::string(one) + std::string(other);
}

TEST(RustlsMessage, TypeBehindChunks) {
  EXPECT_EQ(sealed_type_place(reads_of(join(kChunks, kTypeAt20))), 0x20);
}

TEST(RustlsMessage, TypeBehindASlice) {
  // mov rbx,[rdx+8]; movzx eax,byte [rdx+10]; movzx ecx,byte [rdx+11]
  const auto reads = reads_of("48 8b 5a 08  0f b6 42 10  0f b6 4a 11");
  EXPECT_EQ(sealed_type_place(reads), 0x10);
  EXPECT_EQ(opened_type_place(reads), 0x10);
}

TEST(RustlsMessage, TypeBehindAVec) {
  // mov rbx,[rdx+10]; movzx eax,byte [rdx+1c]
  EXPECT_EQ(opened_type_place(reads_of("48 8b 5a 10  0f b6 42 1c")), 0x1c);
  EXPECT_EQ(sealed_type_place(reads_of("48 8b 5a 10  0f b6 42 1c")), std::nullopt);
}

TEST(RustlsMessage, WhatDoesNotFitIsRefused) {
  // No byte; a byte elsewhere; two bytes apart; chunks whose end is not read; an indexed read.
  EXPECT_EQ(sealed_type_place(reads_of(kChunks)), std::nullopt);
  EXPECT_EQ(sealed_type_place(reads_of(join(kChunks, "0f b6 42 21"))), std::nullopt);
  EXPECT_EQ(sealed_type_place(reads_of(join(kChunks, "0f b6 42 20  0f b6 4a 24"))), std::nullopt);
  EXPECT_EQ(sealed_type_place(reads_of("48 8b 42 10  0f b6 42 20")), std::nullopt);
  EXPECT_EQ(sealed_type_place(reads_of(join(kChunks, join(kTypeAt20, "41 8a 04 07")))),
            std::nullopt);
  EXPECT_EQ(sealed_type_place(MessageReads{}), std::nullopt);
}

TEST(RustlsMessage, AnOverwrittenRegisterIsNotTheMessage) {
  // mov edx,5; movzx eax,byte [rdx+40]
  EXPECT_TRUE(reads_of("ba 05 00 00 00  0f b6 42 40").bytes.empty());
}

TEST(RustlsMessage, ReadsUpToBytesThatAreNoInstruction) {
  const auto reads = reads_of("0f b6 42 20  06  0f b6 42 28");
  EXPECT_EQ(reads.bytes, std::set<std::int64_t>{0x20});
}

}  // namespace
}  // namespace beyla::probes::tls
