#include "agent/doctor/report.h"

#include <gtest/gtest.h>

namespace beyla::agent::doctor {
namespace {

std::vector<JudgedSection> two_rows(Status second) {
  return {{"kernel", {{"a", {Status::ok, "fine", {}}}, {"long name", {second, "why", "do it"}}}}};
}

TEST(Report, AlignsAndPutsTheFixBelow) {
  EXPECT_EQ(render_table(two_rows(Status::not_built), false),
            "kernel\n"
            "  a          ok         fine\n"
            "  long name  not built  why\n"
            "                        fix: do it\n"
            "\n");
}

TEST(Report, ColoursOnlyWhenAsked) {
  EXPECT_NE(render_table(two_rows(Status::missing), true).find("\x1b[31mmissing  \x1b[0m  why"),
            std::string::npos);
  EXPECT_EQ(render_table(two_rows(Status::missing), false).find('\x1b'), std::string::npos);
}

TEST(Report, OnlyMissingKeepsTheAgentFromRunning) {
  for (const Status status : {Status::ok, Status::limited, Status::unknown, Status::not_built}) {
    EXPECT_TRUE(would_run(two_rows(status)));
    EXPECT_EQ(render_result(two_rows(status)), "result: beyla would run with these settings\n");
  }
  EXPECT_FALSE(would_run(two_rows(Status::missing)));
  EXPECT_EQ(render_result(two_rows(Status::missing)),
            "result: beyla would not run; missing: long name\n");
}

TEST(Report, ATerminalDoesNotObeyFileNames) {
  Selection selection;
  selection.selected.push_back({7, "/srv/\x1b[2Jevil\n", "a\tb", "port"});
  const std::string text = render_selection(selection, true);
  EXPECT_NE(text.find("/srv/?[2Jevil?  service=a?b  port"), std::string::npos) << text;
}

TEST(Report, ListsAreCutWithTheirCount) {
  Selection selection;
  for (std::uint32_t pid = 0; pid < 53; ++pid) selection.selected.push_back({pid, "/x", "x", "y"});
  EXPECT_NE(render_selection(selection, true).find("  and 3 more\n"), std::string::npos);
}

TEST(Report, WithoutASelectorSaysSo) {
  EXPECT_EQ(render_selection({}, false),
            "nothing would be selected; processes that listen on TCP ports\n  none\n\n");
}

}  // namespace
}  // namespace beyla::agent::doctor
