#include "probes/tls/report/error_site.h"

#include <gtest/gtest.h>

#include <array>

#include "probes/tls/report/code_shape.h"

namespace beyla::probes::tls {
namespace {

using native::CodeLine;
using x86::Flow;

// Each line is a byte; addresses begin at 0.
class CodeTest : public ::testing::Test {
 protected:
  void add(const CodeLine& line) {
    function_.lines.push_back(line);
    function_.lines.back().address = function_.range.bytes++;
    function_.lines.back().bytes = 1;
  }
  void sets(unsigned number, std::uint64_t value) {
    CodeLine line;
    line.constant = {.number = number, .value = value};
    line.written = native::bit_of(number);
    add(line);
  }
  void plain(std::uint16_t written = 0, std::uint16_t read = 0) {
    CodeLine line;
    line.written = written;
    line.read = read;
    add(line);
  }
  void goes(Flow flow, std::optional<std::uint64_t> target = std::nullopt) {
    CodeLine line;
    line.flow = flow;
    line.target = target;
    add(line);
  }

  KnownFunction function_;
};

TEST_F(CodeTest, ArgumentsAreThoseOfTheCallBehindTheName) {
  sets(native::kRsi, 9);
  goes(Flow::call, 100);
  sets(native::kRdi, 20);
  sets(native::kRdx, 1);
  plain();  // the name
  sets(native::kRdx, 2);
  goes(Flow::call, 100);
  sets(native::kRdi, 3);
  const ErrorSite site = error_site_at(function_, 4);
  EXPECT_EQ(site.first, 20U);
  EXPECT_FALSE(site.second);
  EXPECT_EQ(site.third, 2U);
}

TEST_F(CodeTest, OnesThatAreNoNumbersAreUnknown) {
  sets(native::kRdi, 20);
  plain(native::bit_of(native::kRdi));
  plain();
  goes(Flow::call, 100);
  EXPECT_FALSE(error_site_at(function_, 2).first);
}

TEST_F(CodeTest, ArgumentsMayBeSetWhereOneJumpsTo) {
  plain();
  goes(Flow::jump, 4);
  sets(native::kRdi, 7);
  goes(Flow::call, 100);
  sets(native::kRdi, 20);
  goes(Flow::call, 100);
  EXPECT_EQ(error_site_at(function_, 0).first, 20U);
}

TEST_F(CodeTest, AJumpInACircleEnds) {
  sets(native::kRdi, 20);
  goes(Flow::jump, 0);
  EXPECT_FALSE(error_site_at(function_, 0).first);
}

TEST_F(CodeTest, NothingIsKnownWhereNoCallFollows) {
  sets(native::kRdi, 20);
  EXPECT_FALSE(error_site_at(function_, 0).first);
  goes(Flow::jump, 200);
  EXPECT_FALSE(error_site_at(function_, 0).first);
  goes(Flow::leave);
  EXPECT_FALSE(error_site_at(function_, 0).first);
}

TEST_F(CodeTest, ArgumentsAreHandedOnUnlessTheyAreWritten) {
  plain(native::bit_of(native::kRax));
  goes(Flow::call, 100);
  plain(native::bit_of(native::kRdi));
  EXPECT_TRUE(hands_on(function_, 100, native::bit_of(native::kRdi)));
  EXPECT_FALSE(hands_on(function_, 100, native::bit_of(native::kRax)));
  EXPECT_FALSE(hands_on(function_, 101, native::bit_of(native::kRdi)));
}

TEST_F(CodeTest, JumpsWithinAFunctionAreNoCalls) {
  goes(Flow::branch, 2);
  plain();
  goes(Flow::jump, 100);
  EXPECT_TRUE(hands_on(function_, 100, 0));
  EXPECT_EQ(count_of_calls(function_), 1U);
  goes(Flow::call, 200);  // the stack protector's, at the end
  EXPECT_EQ(count_of_calls(function_), 1U);
  plain();
  EXPECT_EQ(count_of_calls(function_), 2U);
}

TEST_F(CodeTest, WhatIsOnlyBranchedToIsNoFunction) {
  KnownFunction part{.range = {.address = 100, .bytes = 1, .begins_call = true}, .lines = {}};
  goes(Flow::branch, 100);
  goes(Flow::call, 100);
  const Reference branch{.from = &function_, .line = 0, .target = 100};
  const Reference call{.from = &function_, .line = 1, .target = 100};
  EXPECT_TRUE(is_function(part, {}));
  EXPECT_FALSE(is_function(part, std::array{branch}));
  EXPECT_TRUE(is_function(part, std::array{branch, call}));
  part.range.begins_call = false;
  EXPECT_FALSE(is_function(part, std::array{call}));
}

TEST_F(CodeTest, AnArgumentIsReadBeforeItIsWritten) {
  plain(0, native::bit_of(native::kR8));
  EXPECT_TRUE(reads_argument(function_, native::kR8));
  function_.lines.clear();
  plain(native::bit_of(native::kR8));
  plain(0, native::bit_of(native::kR8));
  EXPECT_FALSE(reads_argument(function_, native::kR8));
  function_.lines.clear();
  goes(Flow::call, 100);
  plain(0, native::bit_of(native::kR8));
  EXPECT_FALSE(reads_argument(function_, native::kR8));
}

}  // namespace
}  // namespace beyla::probes::tls
