#include "agent/config/hostile_configs.h"

#include <algorithm>
#include <string_view>

#include "agent/config/handover/file_copy.h"

namespace beyla::agent::config {

using namespace std::string_literals;

const std::array<std::string, 4> kValidConfigs = {
    "open_port: [80, 443, 8000-8999]\nservice_name: shop\nlog_level: warn\nprint_traces: true\n"
    "prometheus_export:\n  port: 9090\n  path: /m\n  address: '::1'\n  ttl: 3s\n"
    "metrics:\n  cardinality_limit: 10000\n",
    "\xef\xbb\xbf# comment\r\nebpf:\r\n  open_port: \"80\"\r\n  executable_name: 'a b'\r\n",
    "{open_port: 80, metrics: {cardinality_limit: 1}, enforce_sys_caps: false}\n",
    "---\nexecutable_name: >-\n  folded\n  text\nprometheus_export: {port: 1, ttl: 1h30m}\n...\n"};

namespace {

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
  const std::string& valid = random.pick(kValidConfigs);
  return valid.substr(0, random.below(valid.size()));
}

std::string mutated(Random& random) {
  std::string text = random.pick(kValidConfigs);
  for (std::size_t left = 1 + random.below(3); left > 0; --left) {
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

}  // namespace

std::string hostile_config(std::size_t at, Random& random) {
  return kGenerators[at % kGenerators.size()](random);
}

}  // namespace beyla::agent::config
