// On this very program, whose functions below are written in assembly and named as rustc would.
#include "probes/tls/report/rustls_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "probes/proof/report_message.h"

// A cipher of TLS 1.3 with the messages of rustls 0.23.
asm(R"(
  .text
  .globl _RNv6rustls5tls13_16MessageEncrypter7encrypt, _RNv6rustls5tls13_16MessageDecrypter7decrypt
  .type _RNv6rustls5tls13_16MessageEncrypter7encrypt, @function
  .type _RNv6rustls5tls13_16MessageDecrypter7decrypt, @function
_RNv6rustls5tls13_16MessageEncrypter7encrypt:
  push %rbx
  mov 0x18(%rdx), %rbx
  movzbl 0x20(%rdx), %eax
  mov %rdi, %rax
  pop %rbx
  ret
  .size _RNv6rustls5tls13_16MessageEncrypter7encrypt, . - _RNv6rustls5tls13_16MessageEncrypter7encrypt
_RNv6rustls5tls13_16MessageDecrypter7decrypt:
  push %rbx
  mov 8(%rdx), %rbx
  mov %rdi, %rax
  pop %rbx
  ret
  .size _RNv6rustls5tls13_16MessageDecrypter7decrypt, . - _RNv6rustls5tls13_16MessageDecrypter7decrypt
)");

namespace beyla::probes::tls {
namespace {

using ::testing::UnorderedElementsAre;

class RustlsReportTest : public ::testing::Test {
 protected:
  static std::vector<std::byte> own_program() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }

  // Each place in the file where the bytes stand gets others of the same length.
  void replace(std::string_view bytes, std::string_view others) {
    std::string text(reinterpret_cast<const char*>(file_.data()), file_.size());
    for (auto at = text.find(bytes); at != std::string::npos; at = text.find(bytes, at + 1)) {
      text.replace(at, others.size(), others);
    }
    const auto changed = std::as_bytes(std::span(text));
    std::ranges::copy(changed, file_.begin());
  }

  std::optional<proof::BinaryReport> report() const {
    const auto made = make_rustls_report(file_);
    if (!made) return std::nullopt;
    auto decoded = proof::decode_report(std::as_bytes(std::span(&*made, 1)));
    EXPECT_TRUE(decoded);
    return decoded;
  }

  std::vector<std::byte> file_ = own_program();
};

TEST_F(RustlsReportTest, EachFunctionIsProbedAtItsBeginningAndByItsReturn) {
  const auto said = report().value();
  EXPECT_EQ(said.kind, abi::kBinaryTls);
  EXPECT_EQ(said.text, "rustls");
  std::vector<std::uint32_t> at_begin;
  std::vector<std::uint32_t> at_end;
  for (const auto& point : said.points) {
    (point.point_offset == point.symbol_offset ? at_begin : at_end).push_back(point.probe);
  }
  constexpr std::uint32_t kByReturn = abi::kTlsByReturn;
  EXPECT_THAT(at_begin, UnorderedElementsAre(abi::kSealAt20Enter, abi::kSealAt20Exit | kByReturn,
                                             abi::kOpen13Enter, abi::kOpen13Exit | kByReturn));
  EXPECT_THAT(at_end, UnorderedElementsAre(abi::kSealAt20Exit, abi::kOpen13Exit));
}

TEST_F(RustlsReportTest, AMessageOfAnotherShapeIsRefused) {
  replace("\x0f\xb6\x42\x20\x48\x89\xf8", "\x0f\xb6\x42\x30");  // the type at 0x30
  EXPECT_EQ(report().value().kind, abi::kBinaryTlsUnseen);
  EXPECT_EQ(report().value().text, "rustls_unknown_layout");
}

TEST_F(RustlsReportTest, AFunctionWithoutAPlaceLeavesTheFileAlone) {
  replace("\x53\x48\x8b\x5a\x08\x48\x89\xf8", "\x5b\x48\x8b\x5a\x08\x48\x89\xf8");  // pop, no push
  EXPECT_EQ(report().value().text, "rustls_no_sites");
}

// As a panic has it. What is looked for stands in this program, too, as it does in ours: that is
// none.
[[gnu::used]] constexpr char kPlaceOfAPanic[] = "/registry/rustls-0.23.46/src/conn.rs";

TEST_F(RustlsReportTest, WithoutSymbolsItsSourcesTellOfIt) {
  replace("6rustls5tls13", "6rustlx5tls13");
  EXPECT_EQ(report().value().kind, abi::kBinaryTlsUnseen);
  EXPECT_EQ(report().value().text, "rustls_no_symbols");
  replace("/rustls-0.23.46/", "/rustlx-0.23.46/");
  EXPECT_FALSE(report());
}

TEST_F(RustlsReportTest, OtherFilesAreNone) {
  EXPECT_FALSE(make_rustls_report({}));
  EXPECT_FALSE(make_rustls_report(std::span(file_).first(64)));
}

}  // namespace
}  // namespace beyla::probes::tls
