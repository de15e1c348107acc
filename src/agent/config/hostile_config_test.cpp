// 5,000 configuration files that nobody means well with, the same in each run: each loads, or is
// refused with one line that names the place, within bounded time; what loads passes the decoders.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "agent/config/handover/config_messages.h"
#include "agent/config/hostile_configs.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"
#include "base/fd.h"

namespace beyla::agent::config {
namespace {

constexpr std::size_t kFiles = 5000;
constexpr double kMostSeconds = 3;  // of CPU time, under a sanitizer; some 0.1 without

base::Fd file_with(const std::string& text) {
  base::Fd file(::memfd_create("hostile", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  return file;
}

bool has_control_byte(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

class HostileConfigTest : public testing::Test {
 protected:
  // Where this file is refused, the message.
  void try_file(const std::string& text, const std::string& name) {
    const base::Fd file = file_with(text);
    const std::clock_t start = std::clock();
    auto settings = load(OpenConfig{name, file.get()}, environment_, nullptr);
    slowest_ = std::max(slowest_, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    if (settings) {
      ++loaded_;
      check_answer({policy_of(*settings), processor_settings_of(*settings), {}});
      return;
    }
    check_refusal(settings.error());
  }

  static void check_answer(const LoadedConfig& loaded) {
    const auto answer = encode_config_answer(loaded);
    const auto decoded = decode_config_answer(std::as_bytes(std::span(&answer, 1)));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, loaded);
  }

  void check_refusal(const base::Error& error) {
    static const std::regex kPlace(R"(^[^:]*:[1-9][0-9]*:[1-9][0-9]*: .+)");
    const std::string message = error.message();
    EXPECT_EQ(error.code, base::ErrorCode::invalid_argument) << message;
    EXPECT_LE(message.size(), 8192U);
    EXPECT_FALSE(has_control_byte(message)) << message;
    EXPECT_TRUE(std::regex_match(message.substr(0, 600), kPlace)) << message;
    const auto answer = encode_config_answer(std::unexpected(error));
    const auto decoded = decode_config_answer(std::as_bytes(std::span(&answer, 1)));
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().message(), message);
    // The reason without the place and what it quotes.
    reasons_.insert(
        std::regex_replace(message.substr(0, 600), std::regex("^[^ ]* |`[^`]*`|[0-9]+"), ""));
  }

  // Overrides nothing that a file may get wrong, and makes a file without a fault complete.
  const std::vector<std::pair<std::string, std::string>> environment_ = {{"OPEN_PORT", "8080"},
                                                                         {"PRINT_TRACES", "true"}};
  std::size_t loaded_ = 0;
  std::set<std::string> reasons_;
  double slowest_ = 0;
};

TEST_F(HostileConfigTest, TheFilesItStartsFromAreValid) {
  for (const std::string& text : kValidConfigs) try_file(text, "c.yml");
  EXPECT_EQ(loaded_, kValidConfigs.size()) << *reasons_.begin();
}

TEST_F(HostileConfigTest, LoadsOrIsRefusedInOneLineThatNamesThePlace) {
  Random random;
  const std::array<std::string, 4> names = {"c.yml", "../../c\n.yml", "\x1b[2J%n", "\xff\xfe"};
  for (std::size_t at = 0; at < kFiles; ++at) {
    const std::string text = hostile_config(at, random);
    try_file(text, names[at % names.size()]);
    if (HasFailure()) FAIL() << "file " << at << ": " << text.substr(0, 300);
  }
  EXPECT_LT(slowest_, kMostSeconds);
  // The generators reach both outcomes and many reasons.
  EXPECT_GT(loaded_, kFiles / 50);
  EXPECT_LT(loaded_, kFiles / 2);
  EXPECT_GT(reasons_.size(), 40U);
  RecordProperty("loaded", static_cast<int>(loaded_));
  RecordProperty("reasons", static_cast<int>(reasons_.size()));
  RecordProperty("slowest_ms", static_cast<int>(slowest_ * 1000));
}

}  // namespace
}  // namespace beyla::agent::config
