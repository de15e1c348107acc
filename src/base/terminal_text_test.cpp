#include "base/terminal_text.h"

#include <gtest/gtest.h>

namespace beyla::base {
namespace {

using namespace std::string_view_literals;

TEST(TerminalText, LeavesReadableTextAlone) {
  for (const auto text :
       {""sv, "plain ~ text"sv, "\\x1B"sv, "M\xc3\xbcller \xe2\x80\xa6 \xc2\xa0"sv,
        "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"sv, "\xf0\x9f\x90\x9d"sv}) {
    EXPECT_EQ(to_terminal_text(text, 100), text);
  }
}

TEST(TerminalText, EscapesWhatATerminalObeys) {
  struct Case {
    std::string_view raw;
    std::string_view text;
  };
  const Case cases[] = {
      {"a\nb\r\t"sv, "a\\x0Ab\\x0D\\x09"},
      {"\0\x1b[2J\x7f"sv, "\\x00\\x1B[2J\\x7F"},
      {"\xc2\x80\xc2\x9b\xc2\x9f"sv, "\\xC2\\x80\\xC2\\x9B\\xC2\\x9F"},
      {"\xe2\x80\xa8\xe2\x80\xae"sv, "\\xE2\\x80\\xA8\\xE2\\x80\\xAE"},
      {"\xe2\x81\xa6\xe2\x81\xa9"sv, "\\xE2\\x81\\xA6\\xE2\\x81\\xA9"},
      {"\xff"
       "a\xc3"sv,
       "\\xFFa\\xC3"},
      {"\xed\xa0\x80"sv, "\\xED\\xA0\\x80"},  // a surrogate
  };
  for (const Case& c : cases) EXPECT_EQ(to_terminal_text(c.raw, 100), c.text);
}

TEST(TerminalText, KeepsLineBreaksWhereAsked) {
  EXPECT_EQ(to_terminal_text("a\nb\r\n", 100, LineBreaks::kept), "a\nb\\x0D\n");
}

TEST(TerminalText, CutsBetweenWholePiecesAndSaysSo) {
  EXPECT_EQ(to_terminal_text("123456", 6), "123456");
  EXPECT_EQ(to_terminal_text("1234567", 6), "123\xe2\x80\xa6");
  EXPECT_EQ(to_terminal_text("12\xc3\xbc\xc3\xbc", 6), "12\xc3\xbc\xc3\xbc");
  EXPECT_EQ(to_terminal_text("12\xc3\xbc\xc3\xbc\xc3\xbc", 6), "12\xe2\x80\xa6");
  EXPECT_EQ(to_terminal_text("1\n2", 6), "1\\x0A2");
  EXPECT_EQ(to_terminal_text("1\n23", 6), "1\xe2\x80\xa6");
  EXPECT_EQ(to_terminal_text("1234", 3), "\xe2\x80\xa6");
}

TEST(TerminalText, IsUnchangedByASecondPass) {
  std::string raw;
  for (int byte = 0; byte < 256; ++byte) raw += static_cast<char>(byte);
  for (std::size_t limit = 3; limit < 900; ++limit) {
    const std::string once = to_terminal_text(raw, limit);
    EXPECT_LE(once.size(), limit);
    EXPECT_EQ(to_terminal_text(once, limit), once);
  }
}

}  // namespace
}  // namespace beyla::base
