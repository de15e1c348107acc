#include "base/ledger.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "base/ledger_test_file.h"

namespace beyla::base {
namespace {

constexpr std::size_t kRegions[] = {80, 3 * kLedgerPageBytes + 8};

std::uint64_t memory_of(int fd) {
  struct stat status{};
  EXPECT_EQ(::fstat(fd, &status), 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;  // unit of st_blocks, stat(3type)
}

LedgerFrame frame_of(std::span<const std::byte> content) {
  LedgerFrame frame;
  std::memcpy(&frame, content.data(), sizeof(frame));
  return frame;
}

// A file with one commit, in which cell 0 of region 0 is 7, and then changed by `change`.
template <typename Change>
Fd changed_file(Change&& change) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  stage_cell(*ledger, 0, 0, 7);
  ledger->commit();
  auto content = content_of(file.get());
  LedgerFrame frame = frame_of(content);
  change(frame, std::span(content).subspan(LedgerLayout::make(kRegions)->log_offset));
  std::memcpy(content.data(), &frame, sizeof(frame));
  return file_of(content);
}

TEST(Ledger, AppearsAtCommitAndOutlivesItsUser) {
  const Fd file = test_file();
  {
    const auto ledger = must_open(file.get(), kRegions);
    EXPECT_FALSE(ledger->resumed());
    stage_cell(*ledger, 0, 9, 5);
    stage_cell(*ledger, 1, 1536, 6);
    EXPECT_EQ(cell(*ledger, 0, 9), 0U);
    ledger->commit();
    EXPECT_EQ(cell(*ledger, 0, 9), 5U);
    stage_cell(*ledger, 0, 9, 8);
  }
  const auto next = must_open(file.get(), kRegions);
  EXPECT_TRUE(next->resumed());
  EXPECT_EQ(cell(*next, 0, 9), 5U);
  EXPECT_EQ(cell(*next, 1, 1536), 6U);
}

TEST(Ledger, AnEmptyCommitLeavesNothingToResume) {
  const Fd file = test_file();
  must_open(file.get(), kRegions)->commit();
  EXPECT_FALSE(must_open(file.get(), kRegions)->resumed());
}

TEST(Ledger, LaterBytesOfATransactionWin) {
  const auto ledger = Ledger::make_private(kRegions);
  ASSERT_TRUE(ledger.has_value());
  for (std::uint64_t i = 0; i < 5; ++i) stage_cell(**ledger, 0, 0, i);
  (*ledger)->commit();
  EXPECT_EQ(cell(**ledger, 0, 0), 4U);
}

TEST(Ledger, ATransactionLargerThanTheLogIsWhole) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  std::vector<std::byte> expected(kRegions[1]);
  std::mt19937 random(1);
  for (int round = 0; round < 3; ++round) {
    const auto before = expected;
    for (int i = 0; i < 20'000; ++i) {
      std::byte bytes[300];
      std::ranges::generate(bytes, [&] { return std::byte(random()); });
      const std::size_t offset = random() % expected.size();
      const std::size_t count = std::min(random() % sizeof(bytes), expected.size() - offset);
      ledger->stage(1, offset, std::span(bytes).first(count));
      std::memcpy(expected.data() + offset, bytes, count);
    }
    stage_cell(*ledger, 0, 9, 1);
    EXPECT_TRUE(std::ranges::equal(ledger->committed(1), before));
    ledger->commit();
    EXPECT_TRUE(std::ranges::equal(ledger->committed(1), expected));
  }
  const auto next = must_open(file.get(), kRegions);
  EXPECT_TRUE(std::ranges::equal(next->committed(1), expected));
}

TEST(Ledger, ATransactionLargerThanTheLogLeavesTheRestAsItWas) {
  const auto ledger = Ledger::make_private(kRegions);
  ASSERT_TRUE(ledger.has_value());
  const std::vector<std::byte> before(kRegions[1], std::byte{1});
  (*ledger)->stage(1, 0, before);
  (*ledger)->commit();
  for (std::uint64_t i = 0; i < 10'000; ++i) stage_cell(**ledger, 1, 3, i);
  (*ledger)->commit();
  EXPECT_EQ(cell(**ledger, 1, 3), 9'999U);
  EXPECT_TRUE(std::ranges::equal((*ledger)->committed(1).first(24), std::span(before).first(24)));
  EXPECT_TRUE(
      std::ranges::equal((*ledger)->committed(1).subspan(32), std::span(before).subspan(32)));
}

TEST(Ledger, ManyCommitsTakeNoMoreMemoryThanOne) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    stage_cell(*ledger, 0, 0, i);
    ledger->commit();
  }
  EXPECT_LE(memory_of(file.get()), 3 * kLedgerPageBytes);
}

TEST(Ledger, CostsOnlyWhatIsTouchedAndGivesTheLogBack) {
  constexpr std::size_t kLarge[] = {std::size_t{1} << 30U, std::size_t{1} << 20U};
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kLarge);
  stage_cell(*ledger, 0, 1'000'000, 1);
  ledger->commit();
  EXPECT_LE(memory_of(file.get()), 3 * kLedgerPageBytes);
  ledger->stage(1, 0, std::vector<std::byte>(kLarge[1], std::byte{1}));
  ledger->commit();
  EXPECT_LE(memory_of(file.get()), kLarge[1] + 3 * kLedgerPageBytes);
}

TEST(Ledger, WipesARangeAndGivesItsMemoryBack) {
  constexpr std::pair<std::size_t, std::size_t> kRanges[] = {
      {0, 0}, {5, 9}, {100, 4096}, {0, 4096}, {100, 8200}, {4096, 12'296}, {12'290, 12'296},
  };
  for (const auto& [offset, end] : kRanges) {
    const Fd file = test_file();
    const auto ledger = must_open(file.get(), kRegions);
    std::vector<std::byte> expected(kRegions[1], std::byte{1});
    ledger->stage(1, 0, expected);
    stage_cell(*ledger, 0, 9, 7);
    ledger->commit();
    ledger->wipe(1, offset, end);
    std::fill(expected.begin() + static_cast<std::ptrdiff_t>(offset),
              expected.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
    EXPECT_TRUE(std::ranges::equal(ledger->committed(1), expected)) << offset << " " << end;
    EXPECT_EQ(cell(*ledger, 0, 9), 7U);
    const std::size_t first_page = in_ledger_pages(offset) / kLedgerPageBytes;
    const std::size_t last_page = std::max(first_page, end / kLedgerPageBytes);
    const Fd other = test_file();  // a look at the region above has cost what was given back
    const auto again = must_open(other.get(), kRegions);
    again->stage(1, 0, std::vector<std::byte>(kRegions[1], std::byte{1}));
    again->commit();
    const std::uint64_t full = memory_of(other.get());
    again->wipe(1, offset, end);
    EXPECT_EQ(full - memory_of(other.get()), (last_page - first_page) * kLedgerPageBytes);
  }
}

TEST(Ledger, NobodyShrinksIt) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  EXPECT_NE(::ftruncate(file.get(), 0), 0);
  EXPECT_NE(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
}

TEST(Ledger, AnUnfinishedCommitIsFinished) {
  const Fd file = changed_file([](LedgerFrame& frame, std::span<std::byte> log) {
    const RedoEntry entry{0, 8, 72};
    const std::uint64_t value = 11;
    std::memcpy(log.data(), &entry, sizeof(entry));
    std::memcpy(log.data() + sizeof(entry), &value, sizeof(value));
    frame.log_bytes = sizeof(entry) + sizeof(value);
  });
  const auto ledger = must_open(file.get(), kRegions);
  EXPECT_TRUE(ledger->resumed());
  EXPECT_EQ(cell(*ledger, 0, 0), 7U);
  EXPECT_EQ(cell(*ledger, 0, 9), 11U);
  EXPECT_EQ(frame_of(content_of(file.get())).log_bytes, 0U);
  EXPECT_EQ(memory_of(file.get()), LedgerLayout::make(kRegions)->log_offset);
}

TEST(Ledger, AFrameThatIsNotOursIsAsIfEmpty) {
  using Change = void (*)(LedgerFrame&);
  constexpr Change kChanges[] = {
      [](LedgerFrame& frame) { ++frame.shape.magic; },
      [](LedgerFrame& frame) { ++frame.shape.version; },
      [](LedgerFrame& frame) { ++frame.shape.region_count; },
      [](LedgerFrame& frame) { --frame.shape.region_bytes[1]; },
      [](LedgerFrame& frame) { frame.shape.region_bytes[31] = 1; },
      [](LedgerFrame& frame) { frame.has_commits = 2; },
      [](LedgerFrame& frame) { frame.log_bytes = 1; },
      [](LedgerFrame& frame) { frame.log_bytes = ~std::uint64_t{0}; },
  };
  for (const Change change : kChanges) {
    const Fd file = changed_file([&](LedgerFrame& frame, auto) { change(frame); });
    const auto ledger = must_open(file.get(), kRegions);
    EXPECT_FALSE(ledger->resumed());
    EXPECT_EQ(cell(*ledger, 0, 0), 0U);
    stage_cell(*ledger, 0, 0, 1);
    ledger->commit();
    EXPECT_TRUE(must_open(file.get(), kRegions)->resumed());
  }
}

TEST(Ledger, ALogThatPointsElsewhereIsRefusedWhole) {
  constexpr RedoEntry kEntries[] = {
      {2, 8, 0},                  // no such region
      {0, 8, 73},                 // over its end
      {0, 0, 81},                 // behind it
      {0, 8, ~std::uint64_t{0}},  // and so that the sum overflows
      {0, 9, 0},                  // more than the log has
      {0, ~std::uint32_t{0}, 0},  // much more
  };
  for (const RedoEntry& bad : kEntries) {
    const Fd file = changed_file([&](LedgerFrame& frame, std::span<std::byte> log) {
      const RedoEntry good{0, 0, 0};
      std::memcpy(log.data(), &good, sizeof(good));
      std::memcpy(log.data() + sizeof(good), &bad, sizeof(bad));
      frame.log_bytes = 2 * sizeof(good) + 8;
    });
    const auto ledger = must_open(file.get(), kRegions);
    EXPECT_FALSE(ledger->resumed());
    EXPECT_EQ(cell(*ledger, 0, 0), 0U);
  }
}

TEST(Ledger, AnotherLayoutIsLaidOutAnewAlsoWhereTheFileCannotShrink) {
  constexpr std::size_t kOther[] = {std::size_t{1} << 20U};
  const Fd file = test_file();
  stage_cell(*must_open(file.get(), kRegions), 0, 0, 7);
  for (int round = 0; round < 2; ++round) {
    const auto larger = must_open(file.get(), kOther);
    EXPECT_FALSE(larger->resumed());
    larger->stage(0, 0, std::vector<std::byte>(kOther[0], std::byte{1}));
    larger->commit();
    const auto smaller = must_open(file.get(), kRegions);
    EXPECT_FALSE(smaller->resumed());
    EXPECT_LE(memory_of(file.get()), 3 * kLedgerPageBytes);
    stage_cell(*smaller, 0, 0, 7);
    smaller->commit();
    EXPECT_TRUE(must_open(file.get(), kRegions)->resumed());
  }
}

TEST(Ledger, AFileThatCannotBeUsedIsAnError) {
  const Fd file = test_file();
  ASSERT_EQ(::ftruncate(file.get(), 8), 0);
  ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
  EXPECT_FALSE(Ledger::open(file.get(), kRegions).has_value());
  EXPECT_FALSE(Ledger::open(-1, kRegions).has_value());
  EXPECT_FALSE(Ledger::make_private({}).has_value());
  EXPECT_FALSE(
      Ledger::make_private(std::vector<std::size_t>(kMaxLedgerRegions + 1, 8)).has_value());
  for (const std::size_t bytes : {kMaxLedgerBytes, ~std::size_t{0}}) {
    EXPECT_FALSE(Ledger::make_private(std::vector{bytes}).has_value());
  }
}

TEST(Ledger, ReadersSeeWholeTransactions) {
  constexpr std::size_t kCells = 100;
  constexpr std::size_t kBytes[] = {kCells * sizeof(std::uint64_t)};
  const auto ledger = Ledger::make_private(kBytes);
  ASSERT_TRUE(ledger.has_value());
  std::atomic<bool> done{false};
  std::jthread reader([&] {
    std::uint64_t last = 0;
    while (!done) {
      const auto lock = (*ledger)->read();
      const std::uint64_t first = cell(**ledger, 0, 0);
      for (std::size_t i = 1; i < kCells; ++i) ASSERT_EQ(cell(**ledger, 0, i), first);
      ASSERT_GE(first, last);
      last = first;
    }
  });
  for (std::uint64_t value = 1; value < 5'000; ++value) {
    for (std::size_t i = 0; i < kCells; ++i) stage_cell(**ledger, 0, i, value);
    (*ledger)->commit();
  }
  done = true;
}

}  // namespace
}  // namespace beyla::base
