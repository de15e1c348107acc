#include "agent/config/config_file.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

std::string flattened(std::string_view text) {
  const auto entries = parse_config_text("c.yml", text);
  if (!entries) return "error: " + entries.error().message();
  std::string lines;
  for (const ConfigEntry& entry : *entries) {
    lines += entry.path + "=" + entry.text + "@" + std::to_string(entry.line) + ":" +
             std::to_string(entry.column) + ";";
  }
  return lines;
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(ConfigFileTest, FlattensToDottedPaths) {
  struct Case {
    std::string_view text;
    std::string_view entries;
  };
  const Case cases[] = {
      {"", ""},
      {"# nothing\n", ""},
      {"---\n", ""},
      {"a: 1\n", "a=1@1:1;"},
      {"a: 1\nb:\n  c: x y\n  d: {e: 'q'}\nf: \"t\"\n", "a=1@1:1;b.c=x y@3:3;b.d.e=q@4:7;f=t@5:1;"},
      {"p: [80, 443]\n", "p=80,443@1:1;"},
      {"p:\n  - 80\n  - 8000-8999\n", "p=80,8000-8999@1:1;"},
      {"p: []\n", "p=@1:1;"},
      {"m: {}\n", "m=@1:1;"},
      {"n:\nm: ~\no: null\n", "n=@1:1;m=@2:1;o=@3:1;"},
      {"a: ''\n", "a=@1:1;"},
      {"a: 1\r\nb:\r\n  c: 2\r\n", "a=1@1:1;b.c=2@3:3;"},
      {"\xef\xbb\xbf"
       "a: 1\n",
       "a=1@1:1;"},
      {"a: 1 # why\n", "a=1@1:1;"},
      {"b: {k: 1}\nc: {k: 2}\n", "b.k=1@1:5;c.k=2@2:5;"},
  };
  for (const Case& c : cases) EXPECT_EQ(flattened(c.text), c.entries) << c.text;
}

TEST(ConfigFileTest, TellsNullsListsAndEmptyMapsApart) {
  const auto entries = parse_config_text("c.yml", "a:\nb: x\nc: [x]\nd: {}\n");
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 4U);
  EXPECT_EQ((*entries)[0].value, ConfigValue::null);
  EXPECT_EQ((*entries)[1].value, ConfigValue::scalar);
  EXPECT_EQ((*entries)[2].value, ConfigValue::list);
  EXPECT_EQ((*entries)[3].value, ConfigValue::map);
}

TEST(ConfigFileTest, RefusesWithFileLineAndColumn) {
  struct Case {
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      {"a: &x 1\n", "c.yml:1:4: anchors (&name) are not accepted"},
      {"a: *x\n", "c.yml:1:4: "},
      {"&k a: 1\n", "c.yml:1:1: anchors"},
      {"a: !!str 1\n", "c.yml:1:4: tags (!name) are not accepted"},
      {"a: !x [1]\n", "c.yml:1:4: tags"},
      {"b: 1\na: !!map {}\n", "c.yml:2:4: tags"},
      {"a: 1\nb: 2\na: 3\n", "c.yml:3:1: duplicate key `a`"},
      {"m: {k: 1, 'k': 2}\n", "c.yml:1:11: duplicate key `k`"},
      {"m: 1\nm: {}\n", "c.yml:2:1: duplicate key `m`"},
      {"a.b: 1\n", "c.yml:1:1: key `a.b` holds a '.': nest the keys instead"},
      {"just words\n", "c.yml:1:1: expected `key: value`"},
      {"- a\n", "c.yml:1:1: expected `key: value`"},
      {"a: [1, [2]]\n", "c.yml:1:8: a list may hold plain values only"},
      {"a: [{b: 1}]\n", "c.yml:1:5: a list may hold plain values only"},
      {"a: [1, ~]\n", "c.yml:1:8: empty element in a list"},
      {"? [a]\n: 1\n", "c.yml:1:3: a key must be a plain word"},
      {"~: 1\n", "c.yml:1:1: empty key"},
      {"'': 1\n", "c.yml:1:1: empty key"},
      {"a: \"x\\0y\"\n", "c.yml:1:4: control character"},
      {"a: |\n  x\n  y\n", "c.yml:1:4: control character or line break"},
      {"a: 1\nb: \x04\n", "c.yml:2:4: control character 0x04"},
      {std::string("a: 1\nb\0: 2\n", 12), "c.yml:2:2: control character 0x00"},
      {"a: 1\n---\nb: 2\n", "more than one YAML document"},
      {"a: [1\n", "c.yml:"},
      {"a: 'x\n", "c.yml:"},
      {"a: 'x\nb: 2\n \t\r\n\n", "c.yml:"},
      {"a: \"\nb: 2\n", "c.yml:"},
      {"a: {b: \"x\n}\n", "c.yml:"},
      {"a: 1\n b: 2\n", "c.yml:2:"},
      {"a:\n\t- 1\n", "c.yml:2:"},
      {"%YAML 9.9\n---\na: 1\n", "c.yml:1:"},
  };
  for (const Case& c : cases) {
    const auto entries = parse_config_text("c.yml", c.text);
    ASSERT_FALSE(entries.has_value()) << c.text;
    EXPECT_EQ(entries.error().code, base::ErrorCode::invalid_argument);
    EXPECT_NE(entries.error().message().find(c.message), std::string::npos)
        << c.text << entries.error().message();
  }
}

TEST(ConfigFileTest, RefusesBillionLaughsQuickly) {
  std::string text = "a0: &a0 [lol]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + previous + ", " +
            previous + "]\n";
  }
  EXPECT_EQ(flattened(text), "error: c.yml:1:5: anchors (&name) are not accepted");
}

TEST(ConfigFileTest, LimitsDepth) {
  const auto nested = [](std::size_t depth) {
    return repeated("{k: ", depth) + "v" + repeated("}", depth);
  };
  EXPECT_TRUE(parse_config_text("c.yml", nested(kMaxConfigDepth)).has_value());
  EXPECT_NE(flattened(nested(kMaxConfigDepth + 1)).find("nested deeper than 16 levels"),
            std::string::npos);
}

TEST(ConfigFileTest, LimitsPaths) {
  const std::string longest(kMaxConfigPathBytes - 2, 'k');
  EXPECT_TRUE(parse_config_text("c.yml", longest + ": {a: 1}\n").has_value());
  EXPECT_EQ(flattened(longest + ": {ab: 1}\n"),
            "error: c.yml:1:258: key `ab` is longer than 256 bytes with those around it");
}

// Each of many keys would carry the long ones around it along.
TEST(ConfigFileTest, ManyKeysBelowALongOneAreRefusedQuickly) {
  // yaml-cpp itself refuses a key of more than 1,024 characters, unless it is written so.
  std::string text = "? " + std::string(kMaxConfigBytes / 2, 'k') + "\n:\n";
  for (int i = 0; text.size() + 16 < kMaxConfigBytes; ++i) {
    text += " " + std::to_string(i) + ": 1\n";
  }
  EXPECT_NE(flattened(text).find("is longer than 256 bytes"), std::string::npos);
}

TEST(ConfigFileTest, SurvivesHostileNestingInReasonableTime) {
  for (const std::string_view piece :
       {"[", "{", "{k: ", "- ", "? ", "[{", "a: {", "!", "&a ", "*"}) {
    const std::string text = repeated(piece, kMaxConfigBytes / piece.size());
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(parse_config_text("c.yml", text).has_value()) << piece;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << piece;
  }
}

TEST(ConfigFileTest, LimitsSize) {
  const std::string line = "a: 1 #";
  EXPECT_TRUE(parse_config_text("c.yml", line + std::string(kMaxConfigBytes - line.size(), 'x'))
                  .has_value());
  const std::string message = flattened(line + std::string(kMaxConfigBytes - line.size() + 1, 'x'));
  EXPECT_EQ(message, "error: c.yml:1:262145: larger than 262144 bytes");
}

class ConfigFileOnDiskTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  const std::string path_ = testing::TempDir() + "beyla_config_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name() + ".yml";
};

TEST_F(ConfigFileOnDiskTest, ReadsAFileAndNamesItInErrors) {
  std::ofstream(path_) << "a: 1\n";
  const auto entries = read_config_file(path_);
  ASSERT_TRUE(entries.has_value());
  EXPECT_EQ(entries->size(), 1U);
  std::ofstream(path_) << "a: 1\na: 2\n";
  EXPECT_EQ(read_config_file(path_).error().message(), path_ + ":2:1: duplicate key `a`");
}

TEST_F(ConfigFileOnDiskTest, StopsReadingAtTheLimit) {
  std::ofstream(path_) << std::string(2 * kMaxConfigBytes, '#');
  EXPECT_EQ(read_config_file(path_).error().message(),
            path_ + ":1:262145: larger than 262144 bytes");
}

TEST_F(ConfigFileOnDiskTest, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(read_config_file("/no/such.yml").error().message(),
            "cannot read config file /no/such.yml: No such file or directory");
  EXPECT_EQ(read_config_file("/").error().message(), "cannot read config file /: Is a directory");
  EXPECT_EQ(read_config_file("/").error().code, base::ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace beyla::agent::config
