// What is found in the smallest files, and what is not once a fact is taken away.
#include "probes/tls/report/small_library_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "probes/tls/report/hidden_library.h"

namespace beyla::probes::tls {
namespace {

using testing::SmallLibrary;
using ::testing::UnorderedElementsAre;

std::string found_in(std::span<const std::byte> file) {
  const auto found = find_hidden_library(elf::ElfFile::read(file).value());
  if (!found) return "none";
  return found->has_value() ? "found" : std::string(found->error());
}

std::vector<std::string> functions_in(std::span<const std::byte> file) {
  const auto found = find_hidden_library(elf::ElfFile::read(file).value());
  std::vector<std::string> names;
  if (!found || !*found) return names;
  for (const auto& [name, function] : **found) {
    const auto place = (function.address - SmallLibrary::kCode) / SmallLibrary::kFunctionBytes;
    names.push_back(std::string(name) + " " + std::to_string(place));
  }
  return names;
}

TEST(SmallLibrary, FunctionsOfOpensslAreFound) {
  EXPECT_THAT(functions_in(SmallLibrary::openssl()),
              UnorderedElementsAre("SSL_read 0", "SSL_read_ex 2", "SSL_write 3", "SSL_write_ex 5",
                                   "SSL_do_handshake 6", "SSL_shutdown 7", "SSL_free 9"));
}

TEST(SmallLibrary, FunctionsOfBoringsslAreFound) {
  EXPECT_THAT(functions_in(SmallLibrary::boringssl()),
              UnorderedElementsAre("SSL_write 1", "SSL_do_handshake 2", "SSL_read 3",
                                   "SSL_shutdown 5", "SSL_free 10"));
}

std::span<std::byte> code_of(std::vector<std::byte>& file, std::size_t function) {
  return std::span(file).subspan(SmallLibrary::kCode + function * SmallLibrary::kFunctionBytes,
                                 SmallLibrary::kFunctionBytes);
}

// The distances in its calls and in its LEAs.
struct Fields {
  std::vector<std::span<std::byte>> calls;
  std::vector<std::span<std::byte>> names;
};
Fields fields_of(std::span<std::byte> code) {
  Fields fields;
  for (std::size_t at = 0; at + 7 < code.size(); ++at) {
    if (code[at] == std::byte{0xe8}) {
      fields.calls.push_back(code.subspan(at + 1, 4));
      at += 4;
    } else if (code[at] == std::byte{0x48} && code[at + 1] == std::byte{0x8d}) {
      fields.names.push_back(code.subspan(at + 3, 4));
      at += 6;
    }
  }
  return fields;
}

// It refers to the same from there.
void copy_to_unused(std::vector<std::byte>& file, std::size_t function) {
  constexpr auto kTo = SmallLibrary::kUnused;
  std::ranges::copy(code_of(file, function), code_of(file, kTo).begin());
  const auto moved = static_cast<std::int32_t>((kTo - function) * SmallLibrary::kFunctionBytes);
  const Fields fields = fields_of(code_of(file, kTo));
  for (const auto* kind : {&fields.calls, &fields.names}) {
    for (const auto field : *kind) {
      std::int32_t distance;
      std::memcpy(&distance, field.data(), sizeof(distance));
      distance -= moved;
      std::memcpy(field.data(), &distance, sizeof(distance));
    }
  }
  std::memcpy(file.data() + SmallLibrary::length_of(kTo),
              file.data() + SmallLibrary::length_of(function), sizeof(std::uint32_t));
}

// MOV of a number whose bytes are what a LEA of the file's name would have.
TEST(SmallLibrary, BytesThatLookLikeAReferenceAreNone) {
  auto file = SmallLibrary::boringssl();
  copy_to_unused(file, SmallLibrary::kWrite);
  ASSERT_EQ(found_in(file), "hidden.boringssl_write");
  for (const auto field : fields_of(code_of(file, SmallLibrary::kUnused)).names) {
    field.data()[-2] = std::byte{0xc7};
    field.data()[-1] = std::byte{0xc1};
  }
  EXPECT_EQ(found_in(file), "found");
}

TEST(SmallLibrary, TheHandshakeIsTheOneThatReadingAndWritingCall) {
  for (const auto function : {SmallLibrary::kReadImpl, SmallLibrary::kWrite}) {
    auto file = SmallLibrary::boringssl();
    const auto last = fields_of(code_of(file, function)).calls.back();
    std::fill_n(last.data() - 1, 5, std::byte{0x90});
    EXPECT_EQ(found_in(file), "hidden.boringssl_handshake") << function;
  }
}

// Each function in turn does nothing but return.
struct Missing {
  std::size_t function;
  std::string_view outcome;
};
class WithoutTest : public ::testing::TestWithParam<Missing> {
 protected:
  static std::string outcome(std::vector<std::byte> file) {
    const std::size_t at = SmallLibrary::kCode + GetParam().function * SmallLibrary::kFunctionBytes;
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(at), SmallLibrary::kFunctionBytes,
                std::byte{0xc3});
    return found_in(file);
  }
};

using WithoutInOpenssl = WithoutTest;
TEST_P(WithoutInOpenssl, AFunctionItIsNotGuessed) {
  EXPECT_EQ(outcome(SmallLibrary::openssl()), GetParam().outcome);
}
INSTANTIATE_TEST_SUITE_P(
    Each, WithoutInOpenssl,
    ::testing::Values(Missing{1, "hidden.openssl_read"}, Missing{4, "hidden.openssl_write"},
                      Missing{6, "hidden.openssl_handshake"}, Missing{8, "hidden.openssl_free"},
                      Missing{9, "hidden.openssl_free"}, Missing{10, "hidden.openssl_free"},
                      // These a linker may have dropped.
                      Missing{0, "found"}, Missing{2, "found"}, Missing{3, "found"},
                      Missing{5, "found"}, Missing{7, "found"}));

class WithoutInBoringssl : public WithoutTest {};
TEST_P(WithoutInBoringssl, AFunctionItIsNotGuessed) {
  EXPECT_EQ(outcome(SmallLibrary::boringssl()), GetParam().outcome);
}
INSTANTIATE_TEST_SUITE_P(
    Each, WithoutInBoringssl,
    ::testing::Values(Missing{SmallLibrary::kReadImpl, "hidden.boringssl_read"},
                      Missing{SmallLibrary::kWrite, "hidden.boringssl_write"},
                      Missing{SmallLibrary::kHandshake, "hidden.boringssl_handshake"},
                      Missing{SmallLibrary::kRead, "hidden.boringssl_read"},
                      Missing{SmallLibrary::kNew, "hidden.boringssl_free"},
                      Missing{SmallLibrary::kDestructor, "hidden.boringssl_free"},
                      Missing{SmallLibrary::kConfigDestructor, "hidden.boringssl_free"},
                      Missing{SmallLibrary::kFree, "hidden.boringssl_free"},
                      Missing{SmallLibrary::kPeek, "found"},
                      Missing{SmallLibrary::kShutdown, "found"}));

// A second one that could be it.
class TwiceTest : public WithoutTest {};
TEST_P(TwiceTest, AFunctionThatMayBeEitherIsNeither) {
  auto file = SmallLibrary::boringssl();
  copy_to_unused(file, GetParam().function);
  EXPECT_EQ(found_in(file), GetParam().outcome);
}
INSTANTIATE_TEST_SUITE_P(Each, TwiceTest,
                         ::testing::Values(Missing{SmallLibrary::kWrite, "hidden.boringssl_write"},
                                           Missing{SmallLibrary::kRead, "hidden.boringssl_read"},
                                           Missing{SmallLibrary::kPeek, "hidden.boringssl_read"},
                                           Missing{SmallLibrary::kNew, "hidden.boringssl_free"},
                                           Missing{SmallLibrary::kFree, "hidden.boringssl_free"}));

}  // namespace
}  // namespace beyla::probes::tls
