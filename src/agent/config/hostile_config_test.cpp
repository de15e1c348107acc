// 5,000 configuration files that nobody means well with, the same in each run: each loads, or is
// refused with one line that names the place, within bounded time; what loads passes the decoders.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "agent/config/handover/config_messages.h"
#include "agent/config/handover/file_copy.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"
#include "base/fd.h"

namespace beyla::agent::config {
namespace {

using namespace std::string_literals;

constexpr std::size_t kFiles = 5000;
constexpr std::chrono::seconds kMostTime{5};  // a slow machine under a sanitizer; 0.2 s else

// SplitMix64, https://prng.di.unimi.it/splitmix64.c: the same numbers everywhere.
class Random {
 public:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::size_t below(std::size_t limit) { return next() % limit; }
  char byte() { return static_cast<char>(next()); }
  template <typename Container>
  const auto& pick(const Container& from) {
    return from[below(std::size(from))];
  }

 private:
  std::uint64_t state_ = 6;
};

const std::array<std::string, 4> kValid = {
    "open_port: [80, 443, 8000-8999]\nservice_name: shop\nlog_level: warn\nprint_traces: true\n"
    "prometheus_export:\n  port: 9090\n  path: /m\n  address: '::1'\n  ttl: 3s\n"
    "metrics:\n  cardinality_limit: 10000\n",
    "\xef\xbb\xbf# comment\r\nebpf:\r\n  open_port: \"80\"\r\n  executable_name: 'a b'\r\n",
    "{open_port: 80, metrics: {cardinality_limit: 1}, enforce_sys_caps: false}\n",
    "---\nexecutable_name: >-\n  folded\n  text\nprometheus_export: {port: 1, ttl: 1h30m}\n...\n"};

const std::array<std::string, 10> kKeys = {
    "open_port",    "executable_name",  "service_name", "log_level",
    "print_traces", "enforce_sys_caps", "ebpf",         "metrics",
    "open_prot",    "prometheus_export"};

const std::array<std::string, 24> kNasty = {"\t",
                                            "\0"s,
                                            "\x01",
                                            "\x1b[2J\x1b]0;t\x07",
                                            "\x7f",
                                            "\xc2\x9b"
                                            "31m",
                                            "\xff\xfe",
                                            "\xc3",
                                            "\xed\xa0\x80",
                                            "\xf4\x90\x80\x80",
                                            "%n%s%x",
                                            "../../etc/shadow",
                                            "\r",
                                            "\n",
                                            "\r\n",
                                            "\xef\xbb\xbf",
                                            "\xe2\x80\xae",
                                            "\xe2\x80\xa8",
                                            "\x04",
                                            "\\x41\"",
                                            "$(reboot)",
                                            "&a ",
                                            "*a ",
                                            "!!str "};

const std::array<std::string, 12> kNumbers = {
    "0",   "-1",     "65536", "99999999999999999999999999", "1e9", "0x50", "8-7", "1-2-3",
    "NaN", "100001", "8761h", "9223372036854775808ns"};

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

std::string truncated(Random& random) {
  const std::string& valid = random.pick(kValid);
  return valid.substr(0, random.below(valid.size()));
}

std::string mutated(Random& random) {
  std::string text = random.pick(kValid);
  for (std::size_t left = 1 + random.below(8); left > 0; --left) {
    const std::size_t at = random.below(text.size());
    switch (random.below(4)) {
      case 0: text[at] = random.byte(); break;
      case 1: text.erase(at, 1 + random.below(4)); break;
      case 2: text.insert(at, random.pick(kNasty)); break;
      default: text.insert(at, text.substr(random.below(at + 1), random.below(40))); break;
    }
    if (text.empty()) return text;
  }
  return text;
}

std::string nested(Random& random) {
  constexpr std::array<std::string_view, 10> kPieces = {"[",  "{",    "{k: ", "- ",  "? ",
                                                        "[{", "a: {", "!",    "&a ", "-\n "};
  const std::string_view piece = random.pick(kPieces);
  std::string text = repeated(piece, 1 + random.below(random.below(20) == 0 ? 20'000 : 200));
  if (random.below(2) == 0) text += "v" + repeated("}", random.below(20));
  return text;
}

std::string indented(Random& random) {
  std::string text;
  const std::size_t depth = 1 + random.below(200);
  for (std::size_t level = 0; level < depth; ++level) {
    text += std::string(level, ' ') + random.pick(kKeys) + ":\n";
  }
  return text + std::string(depth, ' ') + "x: 1\n";
}

std::string laughing(Random& random) {
  std::string text = "a0: &a0 [lol]\n";
  if (random.below(2) == 0) text = "open_port: &a0 80\n";
  for (std::size_t i = 1; i < 2 + random.below(30); ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
            repeated("*a" + std::to_string(i - 1) + ", ", 9) + "x]\n";
  }
  return random.below(2) == 0 ? text : "<<: *a0\n" + text;
}

std::string with_nasty_value(Random& random) {
  std::string value;
  for (std::size_t left = 1 + random.below(4); left > 0; --left) value += random.pick(kNasty) + "v";
  constexpr std::array<std::string_view, 4> kQuotes = {"", "'", "\"", "|\n  "};
  const std::string_view quote = random.pick(kQuotes);
  return random.pick(kKeys) + ": " + std::string(quote) + value + std::string(quote) + "\n";
}

// Escapes that YAML itself undoes.
std::string with_escaped_value(Random& random) {
  constexpr std::array<std::string_view, 9> kEscapes = {
      "\\n", "\\0", "\\x1b[31m", "\\e[2J", "\\u202e", "\\ud800", "\\U00110000", "\\x", "\\q"};
  return random.pick(kKeys) + ": \"/a" + std::string(random.pick(kEscapes)) + "b\"\n";
}

std::string with_nasty_key(Random& random) {
  return random.pick(kNasty) + random.pick(kKeys) + random.pick(kNasty) + ": 1\n";
}

std::string with_number(Random& random) {
  const std::string& number = random.pick(kNumbers);
  constexpr std::array<std::string_view, 5> kLines = {
      "open_port: ", "prometheus_export:\n  port: ", "metrics:\n  cardinality_limit: ",
      "prometheus_export:\n  ttl: ", "ebpf: {open_port: "};
  return std::string(random.pick(kLines)) + number + (random.below(4) == 0 ? "}\n" : "\n");
}

std::string twice(Random& random) {
  const std::string& key = random.pick(kKeys);
  return key + ": 1\n" + random.pick(kNasty) + "\n" + key + ": " + random.pick(kNumbers) + "\n";
}

std::string huge(Random& random) {
  const std::size_t bytes = kMaxConfigBytes / 8 + random.below(kMaxConfigBytes * 10 / 8);
  switch (random.below(7)) {
    case 0: return random.pick(kKeys) + ": " + std::string(bytes, 'x') + "\n";
    case 1: return random.pick(kKeys) + ": \"" + std::string(bytes, '\xff') + "\"\n";
    case 2: return std::string(bytes, 'k') + ": 1\n";
    case 3: return "? " + std::string(bytes, 'k') + "\n: 1\n";
    case 4: return "open_port: [" + repeated("80,", bytes / 3) + "80]\n";
    case 5: return repeated("# comment\n", bytes / 10) + "open_prot: 1\n";
    default: return "\xff" + std::string(bytes, '\n');
  }
}

std::string many_keys(Random& random) {
  std::string text = random.below(2) == 0 ? "" : "metrics:\n";
  const std::string indent = text.empty() ? "" : " ";
  for (std::size_t i = 0; i < 1 + random.below(2000); ++i) {
    text += indent + random.pick(kKeys) + std::to_string(i) + ":\n";
  }
  return text;
}

std::string garbage(Random& random) {
  std::string text(random.below(600), '\0');
  std::ranges::generate(text, [&random] { return random.byte(); });
  return text;
}

// Printable, so that more of it gets past the first check.
std::string yaml_soup(Random& random) {
  constexpr std::string_view kAlphabet = "ab:-?,[]{}#&*!|>'\"%@` \n\n  0189.~<=\\";
  std::string text;
  for (std::size_t left = random.below(300); left > 0; --left) text += random.pick(kAlphabet);
  return text;
}

constexpr std::array kGenerators = {
    truncated,      mutated,     nested, indented, laughing,  with_nasty_value, with_escaped_value,
    with_nasty_key, with_number, twice,  huge,     many_keys, garbage,          yaml_soup,
    mutated};

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
    const auto start = std::chrono::steady_clock::now();
    auto settings = load(OpenConfig{name, file.get()}, environment_, nullptr);
    slowest_ = std::max(slowest_, std::chrono::steady_clock::now() - start);
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
  std::chrono::steady_clock::duration slowest_{};
};

TEST_F(HostileConfigTest, LoadsOrIsRefusedInOneLineThatNamesThePlace) {
  Random random;
  const std::array<std::string, 4> names = {"c.yml", "../../c\n.yml", "\x1b[2J%n", "\xff\xfe"};
  for (std::size_t at = 0; at < kFiles; ++at) {
    const std::string text = kGenerators[at % kGenerators.size()](random);
    try_file(text, names[at % names.size()]);
    if (HasFailure()) FAIL() << "file " << at << ": " << text.substr(0, 300);
  }
  EXPECT_LT(slowest_, kMostTime);
  // The generators reach both outcomes and many reasons.
  EXPECT_GT(loaded_, kFiles / 20);
  EXPECT_LT(loaded_, kFiles / 2);
  EXPECT_GT(reasons_.size(), 40U);
  RecordProperty("loaded", static_cast<int>(loaded_));
  RecordProperty("reasons", static_cast<int>(reasons_.size()));
  RecordProperty(
      "slowest_ms",
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(slowest_).count()));
}

}  // namespace
}  // namespace beyla::agent::config
