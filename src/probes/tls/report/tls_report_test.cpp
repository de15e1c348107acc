// On this very program, whose functions below are written in assembly, and on this machine's
// libraries.
#include "probes/tls/report/tls_report.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/fd.h"
#include "probes/go/report/file_view.h"
#include "probes/proof/report_message.h"

// SSL_read: entry at the push, one exit at the jump. SSL_write: none but the return.
// SSL_do_handshake leaves by a register. SSL_shutdown: entry at a jump that is not its beginning.
// SSL_free begins with nothing that is emulated. SSL_read_ex and SSL_write_ex call functions that
// SSL_read and SSL_write do not.
asm(R"(
  .text
  .globl SSL_shutdown
  .type SSL_shutdown, @function
SSL_shutdown:
  xor %ecx, %ecx
  jmp 1f
1: xor %eax, %eax
  ret
  .size SSL_shutdown, . - SSL_shutdown
  .globl SSL_read, SSL_write, SSL_do_handshake, SSL_free
  .type SSL_read, @function
  .type SSL_write, @function
  .type SSL_do_handshake, @function
  .type SSL_free, @function
SSL_read:
  endbr64
  push %rbx
  pop %rbx
  xor %eax, %eax
  jmp 1f
1: ret
  .size SSL_read, . - SSL_read
SSL_write:
  endbr64
  push %rbp
  mov %rsp, %rbp
  pop %rbp
  xor %eax, %eax
  ret
  .size SSL_write, . - SSL_write
SSL_do_handshake:
  sub $8, %rsp
  add $8, %rsp
  mov (%rdi), %rax
  jmp *%rax
  .size SSL_do_handshake, . - SSL_do_handshake
SSL_free:
  xor %eax, %eax
  ret
  .size SSL_free, . - SSL_free
  .globl SSL_write_ex
  .type SSL_write_ex, @function
SSL_write_ex:
  sub $8, %rsp
  mov %rcx, %r8
  xor %ecx, %ecx
  call write_inner
  add $8, %rsp
  ret
  .size SSL_write_ex, . - SSL_write_ex
write_inner:
  push %rbx
  pop %rbx
  ret
  .globl SSL_read_ex
  .type SSL_read_ex, @function
SSL_read_ex:
  sub $8, %rsp
  call read_inner
  add $8, %rsp
  ret
  .size SSL_read_ex, . - SSL_read_ex
read_inner:
  push %rbx
  pop %rbx
  ret
)");

namespace beyla::probes::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

std::vector<std::byte> content_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::optional<proof::BinaryReport> report_of(std::span<const std::byte> file) {
  const auto report = make_tls_report(file);
  if (!report) return std::nullopt;
  auto decoded = proof::decode_report(std::as_bytes(std::span(&*report, 1)));
  EXPECT_TRUE(decoded);
  return decoded;
}

class TlsReportTest : public ::testing::Test {
 protected:
  // Where the points of these probes stand, from the beginning of their functions.
  std::vector<std::uint64_t> places(std::uint32_t probe) const {
    std::vector<std::uint64_t> found;
    for (const auto& point : report_.points) {
      if (point.probe == probe) found.push_back(point.point_offset - point.symbol_offset);
    }
    return found;
  }

  std::vector<std::byte> file_ = content_of("/proc/self/exe");
  proof::BinaryReport report_ = report_of(file_).value();
};

TEST_F(TlsReportTest, SaysWhoseInterfaceItIs) {
  EXPECT_EQ(report_.kind, abi::kBinaryTls);
  EXPECT_EQ(report_.text, "openssl");
  EXPECT_EQ(report_.left_out, 0U);
}

TEST_F(TlsReportTest, EmulatedInstructionsAreTakenWhereThereAreSome) {
  EXPECT_THAT(places(abi::kTlsReadEnter), ElementsAre(4));
  EXPECT_THAT(places(abi::kTlsReadExit), ElementsAre(8));
  EXPECT_THAT(places(std::uint32_t{abi::kTlsReadExit} | abi::kTlsByReturn), ElementsAre());
}

TEST_F(TlsReportTest, ElseTheReturnIsAtThePlaceOfTheEntryOrItself) {
  EXPECT_THAT(places(abi::kTlsWriteEnter), ElementsAre(4));
  EXPECT_THAT(places(std::uint32_t{abi::kTlsWriteExit} | abi::kTlsByReturn), ElementsAre(4));
  EXPECT_THAT(places(abi::kTlsWriteExit), ElementsAre(11));
}

TEST_F(TlsReportTest, WhereTheStackHasMovedTheReturnIsAtTheBeginning) {
  EXPECT_THAT(places(abi::kTlsHandshakeEnter), ElementsAre(0));
  EXPECT_THAT(places(std::uint32_t{abi::kTlsHandshakeExit} | abi::kTlsByReturn), ElementsAre(0));
  EXPECT_THAT(places(abi::kTlsHandshakeExit), ElementsAre());
}

TEST_F(TlsReportTest, BehindAnythingElseThanEndbr64TheReturnIsNotProbed) {
  EXPECT_THAT(places(abi::kTlsShutdownEnter), ElementsAre(0));
  EXPECT_THAT(places(std::uint32_t{abi::kTlsShutdownExit} | abi::kTlsByReturn), ElementsAre(0));
}

TEST_F(TlsReportTest, AnEntryMayBeSingleStepped) {
  EXPECT_THAT(places(abi::kTlsFreeEnter), ElementsAre(0));
}

TEST_F(TlsReportTest, AFunctionBehindOneOfTwoIsNotTaken) {
  EXPECT_THAT(places(abi::kTlsReadExEnter), ElementsAre(0));
  EXPECT_THAT(places(abi::kTlsReadInnerEnter), ElementsAre());
  EXPECT_THAT(places(abi::kTlsWriteFlagsEnter), ElementsAre());
}

// Debian's libssl.so.3 among others.
TEST(TlsReport, WhereBothCallOneFunctionThatOneIsToldOf) {
  for (const char* name : {"libssl.so.3", "libssl.so.1.1"}) {
    const auto file = content_of((std::string("/usr/lib/x86_64-linux-gnu/") + name).c_str());
    if (file.empty()) continue;
    const auto report = report_of(file);
    ASSERT_TRUE(report) << name;
    for (const std::uint32_t enter : {abi::kTlsReadInnerEnter, abi::kTlsWriteInnerEnter}) {
      const auto by_return = (enter + 1) | abi::kTlsByReturn;
      EXPECT_EQ(std::ranges::count(report->points, enter, &abi::probe_point::probe), 1) << name;
      EXPECT_EQ(std::ranges::count(report->points, by_return, &abi::probe_point::probe), 1) << name;
    }
  }
}

TEST_F(TlsReportTest, TheBytesAreThoseOfTheFile) {
  for (const auto& point : report_.points) {
    EXPECT_TRUE(std::equal(
        std::begin(point.expected), std::end(point.expected),
        std::as_bytes(std::span(file_)).begin() + static_cast<std::ptrdiff_t>(point.point_offset),
        [](std::uint8_t one, std::byte other) { return std::byte{one} == other; }))
        << point.probe;
  }
}

TEST_F(TlsReportTest, WithoutAReadOrWriteThereIsNothingToProbe) {
  const auto rename = [&](std::string_view from, std::string_view to) {
    const auto bytes = std::as_bytes(std::span(from.data(), from.size() + 1));
    for (auto at = file_.begin();;) {
      at = std::search(at, file_.end(), bytes.begin(), bytes.end());
      if (at == file_.end()) return;
      std::ranges::copy(std::as_bytes(std::span(to)), at);
    }
  };
  rename("SSL_read", "SSL_rxxx");
  rename("SSL_read_ex", "SSL_rxxx_xx");
  rename("SSL_write_ex", "SSL_wxxxx_xx");
  rename("SSL_write", "SSL_wxxxx");
  const auto report = report_of(file_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryTlsUnseen);
  EXPECT_EQ(report->text, "no_tls_sites");
}

TEST(TlsReport, OtherFilesHaveNone) {
  EXPECT_FALSE(make_tls_report(content_of("/bin/true")));
  EXPECT_FALSE(make_tls_report(content_of("/etc/passwd")));
  EXPECT_FALSE(make_tls_report({}));
}

}  // namespace
}  // namespace beyla::probes::tls
