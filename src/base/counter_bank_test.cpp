#include "base/counter_bank.h"

#include <gtest/gtest.h>

#include "base/ledger_test_file.h"

namespace beyla::base {
namespace {

constexpr std::size_t kRegions[] = {64, CounterBank::region_bytes()};

struct Counters {
  Counter lines;
  Counter gaps;
  std::vector<CounterBank::Member> members{{"lines", &lines}, {"gaps", &gaps}};
};

TEST(CounterBank, ShowsWhatIsCommitted) {
  const auto ledger = Ledger::make_private(kRegions);
  Counters counters;
  CounterBank bank(**ledger, 1, counters.members);
  counters.gaps.add(3);
  EXPECT_EQ(bank.committed(1), 0U);
  bank.stage();
  EXPECT_EQ(bank.committed(1), 0U);
  (*ledger)->commit();
  EXPECT_EQ(bank.committed(0), 0U);
  EXPECT_EQ(bank.committed(1), 3U);
  counters.lines.add(1);
  counters.gaps.add(1);
  bank.stage();
  (*ledger)->commit();
  EXPECT_EQ(bank.committed(0), 1U);
  EXPECT_EQ(bank.committed(1), 4U);
}

TEST(CounterBank, GoesOnWhereThePredecessorCommitted) {
  const Fd file = test_file();
  {
    const auto ledger = must_open(file.get(), kRegions);
    Counters counters;
    CounterBank bank(*ledger, 1, counters.members);
    EXPECT_FALSE(bank.restore());
    counters.lines.add(5);
    bank.stage();
    ledger->commit();
    counters.lines.add(100);
    bank.stage();
  }
  const auto ledger = must_open(file.get(), kRegions);
  Counters counters;
  CounterBank bank(*ledger, 1, counters.members);
  ASSERT_TRUE(bank.restore());
  EXPECT_EQ(counters.lines.value(), 5U);
  EXPECT_EQ(bank.committed(0), 5U);
  counters.lines.add();
  bank.stage();
  ledger->commit();
  EXPECT_EQ(bank.committed(0), 6U);
}

TEST(CounterBank, StagesOnlyWhatHasChanged) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  Counters counters;
  CounterBank bank(*ledger, 1, counters.members);
  counters.lines.add();
  bank.stage();
  ledger->commit();
  stage_cell(*ledger, 0, 0, 1);  // the log has another content then
  ledger->commit();
  const auto before = content_of(file.get());
  bank.stage();
  ledger->commit();
  EXPECT_EQ(content_of(file.get()), before);
}

TEST(CounterBank, AnotherListIsRefusedAndReplaced) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  Counters counters;
  CounterBank bank(*ledger, 1, counters.members);
  counters.lines.add(5);
  counters.gaps.add(6);
  bank.stage();
  ledger->commit();
  Counter a;
  Counter b;
  Counter c;
  const std::vector<std::vector<CounterBank::Member>> others = {
      {{"gaps", &a}, {"lines", &b}},  // swapped
      {{"lines", &a}},
      {{"lines", &a}, {"gaps", &b}, {"losses", &c}},
      {{"line", &a}, {"sgaps", &b}},  // the same letters
      {}};
  for (const auto& members : others) {
    CounterBank other(*ledger, 1, members);
    EXPECT_FALSE(other.restore());
    for (std::size_t i = 0; i < other.size(); ++i) EXPECT_EQ(other.committed(i), 0U);
  }
  EXPECT_EQ(a.value() + b.value() + c.value(), 0U);
  CounterBank replacing(*ledger, 1, others[0]);
  EXPECT_FALSE(replacing.restore());
  replacing.stage();
  ledger->commit();
  EXPECT_EQ(replacing.committed(0), 0U) << "none of the old list's values is left";
  EXPECT_EQ(replacing.committed(1), 0U);
  EXPECT_FALSE(CounterBank(*ledger, 1, counters.members).restore());
}

}  // namespace
}  // namespace beyla::base
