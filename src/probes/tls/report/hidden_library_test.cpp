// On this very program, into which the system's OpenSSL was linked as an archive: what is found
// must be where its symbols say. Where a fact is missing, nothing is found.
#include "probes/tls/report/hidden_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "probes/tls/report/tls_report.h"
#include "probes/tls/report/wanted_functions.h"

namespace beyla::probes::tls {
namespace {

using ::testing::UnorderedElementsAreArray;

constexpr std::array<std::string_view, 7> kNames = {
    "SSL_read",         "SSL_read_ex",  "SSL_write", "SSL_write_ex",
    "SSL_do_handshake", "SSL_shutdown", "SSL_free"};

class HiddenLibraryTest : public ::testing::Test {
 protected:
  HiddenLibraryTest() {
    // What nobody refers to would not be linked. The functions of BIO_f_ssl() call what SSL_read()
    // calls.
    EXPECT_NE(BIO_f_ssl(), nullptr);
    EXPECT_EQ(SSL_new(nullptr), nullptr);
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    file_.assign(bytes.begin(), bytes.end());
    const auto elf = elf::ElfFile::read(file_).value();
    const auto found = elf::find_functions(elf, kNames);
    for (std::size_t at = 0; at < kNames.size(); ++at) truth_[kNames[at]] = found[at].at(0);
  }

  auto find() const { return find_hidden_library(elf::ElfFile::read(file_).value()); }
  std::string refusal() const {
    const auto found = find();
    if (!found) return "none";
    return found->has_value() ? "found" : std::string(found->error());
  }

  // All that are there, with the zero behind them.
  void rename(std::string_view from, std::string_view to) {
    const auto bytes = std::as_bytes(std::span(from.data(), from.size() + 1));
    for (auto at = file_.begin();; ++at) {
      at = std::search(at, file_.end(), bytes.begin(), bytes.end());
      if (at == file_.end()) return;
      std::ranges::copy(std::as_bytes(std::span(to)), at);
    }
  }
  // The first place in the function that has these bytes gets others.
  void patch(std::string_view name, std::initializer_list<int> from,
             std::initializer_list<int> to) {
    const auto as_byte = [](int byte) { return static_cast<std::byte>(byte); };
    std::vector<std::byte> wanted;
    std::ranges::transform(from, std::back_inserter(wanted), as_byte);
    const auto& function = truth_.at(name);
    const auto elf = elf::ElfFile::read(file_).value();
    const auto begin = file_.begin() + static_cast<std::ptrdiff_t>(
                                           *elf.file_offset(function.address, function.bytes));
    const auto end = begin + static_cast<std::ptrdiff_t>(function.bytes);
    const auto at = std::search(begin, end, wanted.begin(), wanted.end());
    ASSERT_NE(at, end);
    std::ranges::transform(to, at, as_byte);
  }

  std::vector<std::byte> file_;
  std::map<std::string_view, elf::FunctionSymbol> truth_;
};

TEST_F(HiddenLibraryTest, FunctionsAreWhereTheirSymbolsSay) {
  const auto found = find();
  ASSERT_TRUE(found && found->has_value());
  std::map<std::string_view, elf::FunctionSymbol> functions;
  for (const auto& [name, function] : **found) functions[name] = function;
  EXPECT_EQ(found->value().size(), kNames.size());
  EXPECT_EQ(functions, truth_);
}

TEST_F(HiddenLibraryTest, AFileThatDoesNotNameTheSourceHasNone) {
  rename("ssl/ssl_lib.c", "ssl/ssl_xxx.c");
  rename("ssl_lib.c", "ssl_xxx.c");
  EXPECT_EQ(refusal(), "none");
}

TEST_F(HiddenLibraryTest, WithoutTheNameThatAFunctionHasForItselfItIsRefused) {
  rename("ssl_read_internal", "ssl_xxxx_internal");
  EXPECT_EQ(refusal(), "hidden.openssl_read");
}
TEST_F(HiddenLibraryTest, LikewiseOfWriting) {
  rename("ssl_write_internal", "ssl_xxxxx_internal");
  EXPECT_EQ(refusal(), "hidden.openssl_write");
}
TEST_F(HiddenLibraryTest, LikewiseOfTheHandshake) {
  rename("SSL_do_handshake", "SSL_xx_handshake");
  EXPECT_EQ(refusal(), "hidden.openssl_handshake");
}
TEST_F(HiddenLibraryTest, LikewiseOfWhoCallsTheOneThatFrees) {
  rename("SSL_new", "SSL_xxx");
  EXPECT_EQ(refusal(), "hidden.openssl_free");
}

TEST_F(HiddenLibraryTest, AnotherReasonOfTheErrorIsAnotherFunction) {
  patch("SSL_do_handshake", {0xbe, 144, 0, 0, 0}, {0xbe, 145, 0, 0, 0});  // mov $144, %esi
  EXPECT_EQ(refusal(), "hidden.openssl_handshake");
}
TEST_F(HiddenLibraryTest, AnotherLibrarysErrorIsAnotherFunction) {
  patch("SSL_do_handshake", {0xbf, 20, 0, 0, 0}, {0xbf, 21, 0, 0, 0});  // mov $20, %edi
  EXPECT_EQ(refusal(), "hidden.openssl_handshake");
}

// SSL_read_ex() gets no other arguments than it hands on.
TEST_F(HiddenLibraryTest, AFunctionThatChangesItsArgumentsIsRefused) {
  const auto address = truth_.at("SSL_read_ex").address;
  const auto elf = elf::ElfFile::read(file_).value();
  const auto at = static_cast<std::ptrdiff_t>(*elf.file_offset(address, 4));
  const std::array code = {std::byte{0x48}, std::byte{0x89}, std::byte{0xc7}, std::byte{0x90}};
  std::ranges::copy(code, file_.begin() + at);  // mov %rax, %rdi; nop
  EXPECT_EQ(refusal(), "hidden.openssl_read");
}

TEST_F(HiddenLibraryTest, WhatCountsNothingDownFreesNothing) {
  const auto lock = {0xf0, 0x0f, 0xc1};         // lock xadd
  patch("SSL_free", lock, {0x90, 0x0f, 0xc1});  // nop; xadd
  EXPECT_EQ(refusal(), "hidden.openssl_free");
}

TEST_F(HiddenLibraryTest, WhatIsRefusedIsReportedAsUnseen) {
  for (const auto& wanted : kWantedFunctions) {
    rename(wanted.name, std::string("x") + std::string(wanted.name.substr(1)));
  }
  const auto report = make_tls_report(file_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryTlsUnseen);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(report->text)),
            "hidden.openssl_handshake");
}

}  // namespace
}  // namespace beyla::probes::tls
