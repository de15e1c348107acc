#include "export/text/json_text.h"

#include <gtest/gtest.h>

namespace beyla::exporters::text {
namespace {

std::string json(std::string_view raw) {
  std::string out = "x";
  append_json_string(out, raw);
  return out.substr(1);
}

TEST(JsonText, KeepsWhatIsPlain) {
  EXPECT_EQ(json(""), "\"\"");
  EXPECT_EQ(json(" /users/:id~'<>&"), "\" /users/:id~'<>&\"");
  EXPECT_EQ(json("é€😀\u00a0\ufffd\u2027\u202a"), "\"é€😀\u00a0\ufffd\u2027\u202a\"");
}

TEST(JsonText, EscapesWhatEndsAStringOrALine) {
  EXPECT_EQ(json("\"\\"), R"("\"\\")");
  EXPECT_EQ(json(std::string_view("\0\x01\b\t\n\r\x1f", 7)),
            R"("\u0000\u0001\u0008\u0009\u000a\u000d\u001f")");
  EXPECT_EQ(json("a\u2028b\u2029c\u0085"), R"("a\u2028b\u2029c\u0085")");
}

TEST(JsonText, EscapesWhatATerminalObeys) {
  EXPECT_EQ(json("\x1b[2J\x7f\u0080\u009b31m\u009f"), R"("\u001b[2J\u007f\u0080\u009b31m\u009f")");
}

TEST(JsonText, ReplacesEachByteThatIsNoUtf8) {
  EXPECT_EQ(json("\xff\xfe"), "\"\ufffd\ufffd\"");
  EXPECT_EQ(json("a\xc3"), "\"a\ufffd\"");
  EXPECT_EQ(json("\xc3\"x"), "\"\ufffd\\\"x\"");
  EXPECT_EQ(json("\xc0\xa2"), "\"\ufffd\ufffd\"") << "an overlong quote";
  EXPECT_EQ(json("\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\"") << "a surrogate";
  EXPECT_EQ(json("\xe2\x80"), "\"\ufffd\ufffd\"");
  EXPECT_EQ(json("\x9b"), "\"\ufffd\"") << "C1 as a single byte";
}

}  // namespace
}  // namespace beyla::exporters::text
