#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <random>

#include "base/fd.h"
#include "export/aggregate/red_metrics.h"
#include "export/aggregate/red_test_spans.h"
#include "export/text/label_text.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

constexpr RedOptions kOptions{.max_series = 5, .ttl = 10s};
constexpr base::BootTime kRestart{100s};

// A process with its ledger and metrics; the file outlives it.
struct Life {
  explicit Life(int file, RedOptions options = kOptions)
      : ledger(base::Ledger::open(file, std::vector{RedMetrics::region_bytes(options)}).value()),
        metrics(*ledger, 0, options, kRestart) {}
  void commit() {
    metrics.stage();
    ledger->commit();
  }
  std::unique_ptr<base::Ledger> ledger;
  RedMetrics metrics;
};

base::Fd new_file() { return base::Fd(::memfd_create("series", MFD_CLOEXEC | MFD_ALLOW_SEALING)); }

std::string text_of(const std::vector<Series>& series) {
  std::string text;
  for (const Series& one : series) {
    text += one.key->is_overflow ? "(overflow)" : one.key->operation + " " + one.key->outcome;
    text += " " + one.key->service + " " + std::to_string(one.value.duration.count()) + "/" +
            std::to_string(one.value.duration.sum) + " " +
            std::to_string(one.value.request_size.count()) + "/" +
            std::to_string(one.value.request_size.sum) + "\n";
  }
  return text;
}

model::Span span_named(std::string operation, std::string outcome, std::string service) {
  auto span = span_of(std::move(operation), std::move(outcome), 7ms);
  span.service.name = std::move(service);
  return span;
}

TEST(RedMetricsRestore, GoesOnWhereThePredecessorCommitted) {
  const auto file = new_file();
  std::string before;
  {
    Life life(file.get());
    auto unsized = span_of("GET", "200", 5ms);
    unsized.exchange.request_body_bytes.reset();
    for (const auto* outcome : {"200", "200", "201", "202", "203", "204", "205", "206"}) {
      life.metrics.on_span(span_of("GET", outcome, 3ms));
    }
    life.metrics.on_span(unsized);
    life.commit();
    before = text_of(life.metrics.snapshot());
    life.metrics.on_span(span_of("GET", "200", 3ms));
    life.metrics.on_span(span_of("PUT", "200", 3ms));
  }
  Life life(file.get());
  EXPECT_EQ(text_of(life.metrics.snapshot()), before) << "also before it commits";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(life.metrics.counts()[0].series, 5U);
    EXPECT_EQ(life.metrics.counts()[0].overflowed, 3U);
    EXPECT_EQ(life.metrics.counts()[0].overflowed_sizes, 3U);
    EXPECT_EQ(life.metrics.counts()[1].series, 0U);
    EXPECT_EQ(life.metrics.sizes_unknown(), 1U);
    EXPECT_EQ(life.metrics.restore_refused(), 0U);
    life.commit();
  }
  life.metrics.on_span(span_of("GET", "200", 3ms));
  life.metrics.on_span(span_of("PUT", "200", 3ms));
  life.commit();
  const auto series = life.metrics.snapshot();
  ASSERT_EQ(series.size(), 5U);
  EXPECT_EQ(series[0].value.duration.count(), 4U);
  EXPECT_EQ(series[0].value.duration.sum, 14'000'000U);
  EXPECT_EQ(series[4].value.duration.count(), 4U);
  EXPECT_EQ(life.metrics.counts()[0].overflowed, 4U);
}

TEST(RedMetricsRestore, LongTextsAndTheirRoomComeBack) {
  const auto file = new_file();
  std::string before;
  std::uint64_t blocks = 0;
  for (int round = 0; round < 20; ++round) {
    Life life(file.get());
    EXPECT_EQ(life.metrics.restore_refused(), 0U);
    EXPECT_EQ(text_of(life.metrics.snapshot()), before);
    life.metrics.expire(kRestart + 10s);  // all of them
    const std::string name(255, '\xff');
    for (const std::size_t bytes : {0UL, 36UL, 37UL, 255UL}) {
      life.metrics.on_span(span_named(std::string(bytes, static_cast<char>('a' + round)),
                                      std::string(bytes, '2'), name.substr(0, bytes)));
    }
    life.commit();
    before = text_of(life.metrics.snapshot());
    ASSERT_EQ(life.metrics.snapshot().size(), 4U);
    struct stat status{};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    if (round == 2) blocks = static_cast<std::uint64_t>(status.st_blocks);
    if (round > 2) {
      EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks), blocks);
    }
  }
}

TEST(RedMetricsRestore, ServicesEndByTheTtlUnlessTheyAreSelected) {
  const auto file = new_file();
  {
    Life life(file.get());
    life.metrics.on_selected({{1, 0, 1}, {"shop"}}, base::BootTime(1s));
    life.metrics.on_span(span_of_service("shop", base::BootTime(1s)));
    life.metrics.on_span(span_of_service("till", base::BootTime(1s)));
    life.commit();
  }
  Life life(file.get());
  EXPECT_EQ(life.metrics.services(), 2U);
  EXPECT_EQ(life.metrics.next_expiry(), kRestart + 10s);
  life.metrics.on_selected({{1, 0, 1}, {"shop"}}, kRestart + 1s);
  life.metrics.expire(kRestart + 10s - 1ns);
  life.commit();
  EXPECT_EQ(life.metrics.snapshot().size(), 2U);
  life.metrics.expire(kRestart + 10s);
  life.commit();
  ASSERT_EQ(life.metrics.snapshot().size(), 1U);
  EXPECT_EQ(life.metrics.snapshot()[0].key->service, "shop");
  EXPECT_EQ(life.metrics.counts()[0].expired, 1U);
  EXPECT_EQ(life.metrics.next_expiry(), std::nullopt);
}

TEST(RedMetricsRestore, NothingIsReadWhereNothingWasWritten) {
  const auto file = new_file();
  constexpr RedOptions kMany{.max_series = 2000};
  for (int i = 0; i < 2; ++i) {
    Life life(file.get(), kMany);
    EXPECT_TRUE(life.metrics.snapshot().empty());
    life.commit();
    struct stat status{};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    EXPECT_LE(status.st_blocks * 512, 3 * 4096) << "bytes of memory";
  }
}

// What a predecessor with four series left: "GET 200 a", "PUT 201 b", a long one in blocks, and an
// overflow; then changed.
class Left {
 public:
  Left() : file_(new_file()) {
    Life life(file_.get());
    life.metrics.on_span(span_named("GET", "200", "a"));
    life.metrics.on_span(span_named("PUT", "201", "b"));
    life.metrics.on_span(span_named(std::string(200, 'X'), "202", "c"));
    for (const auto* outcome : {"300", "301"}) {
      life.metrics.on_span(span_named("GET", outcome, "d"));
    }
    life.metrics.on_span(span_named("GET", "302", "e"));
    life.commit();
  }
  template <typename T>
  T read(std::size_t offset) const {
    T value;
    EXPECT_EQ(::pread(file_.get(), &value, sizeof(T), at(offset)), static_cast<ssize_t>(sizeof(T)));
    return value;
  }
  template <typename T>
  void write(std::size_t offset, const T& value) {
    EXPECT_EQ(::pwrite(file_.get(), &value, sizeof(T), at(offset)),
              static_cast<ssize_t>(sizeof(T)));
  }
  SeriesRecord record(std::size_t index) const { return read<SeriesRecord>(record_offset(index)); }
  void set(std::size_t index, const SeriesRecord& record) { write(record_offset(index), record); }
  static std::size_t record_offset(std::size_t index) {
    return sizeof(SeriesHead) + index * sizeof(SeriesRecord);
  }
  static std::size_t block_offset(std::size_t block) {
    return record_offset(4 * kOptions.max_series) + block * sizeof(TextBlock);
  }
  int file() const { return file_.get(); }

 private:
  static off_t at(std::size_t offset) {
    const auto layout =
        base::LedgerLayout::make(std::vector{RedMetrics::region_bytes(kOptions)}).value();
    return static_cast<off_t>(layout.region_offsets[0] + offset);
  }
  base::Fd file_;
};

TEST(RedMetricsRestore, WhatIsNoSeriesIsDroppedAndTheRestStays) {
  using Change = std::function<void(SeriesRecord&)>;
  const std::pair<const char*, Change> changes[] = {
      {"used", [](auto& record) { record.is_used = 2; }},
      {"family", [](auto& record) { record.family = 200; }},
      {"role", [](auto& record) { record.role = 0; }},
      {"no role", [](auto& record) { record.role = 200; }},
      {"overflow", [](auto& record) { record.is_overflow = 2; }},
      {"overflow with a name", [](auto& record) { record.is_overflow = 1; }},
      {"no UTF-8", [](auto& record) { record.text[1] = '\xff'; }},
      {"cut code point", [](auto& record) { record.text[2] = '\xc3'; }},
      {"long operation", [](auto& record) { record.text_bytes[0] = 766; }},
      {"long service", [](auto& record) { record.text_bytes[2] = 0xffff; }},
      {"block of nobody", [](auto& record) { record.first_block = 7; }},
  };
  for (const auto& [name, change] : changes) {
    Left left;
    SeriesRecord record = left.record(0);
    change(record);
    left.set(0, record);
    Life life(left.file());
    EXPECT_EQ(life.metrics.restore_refused(), 1U) << name;
    EXPECT_EQ(life.metrics.counts()[0].overflowed, 2U);
    auto series = life.metrics.snapshot();
    ASSERT_EQ(series.size(), 4U) << name;
    life.metrics.on_span(span_named("GET", "999", "new"));
    EXPECT_EQ(text_of(life.metrics.snapshot()), text_of(series)) << name;
    life.commit();
    series = life.metrics.snapshot();
    ASSERT_EQ(series.size(), 5U) << name;
    EXPECT_EQ(life.metrics.counts()[0].series, 5U);
    EXPECT_EQ(series[1].key->outcome, "999");
    EXPECT_EQ(series[1].value.duration.count(), 1U) << "begins at zero";
  }
}

TEST(RedMetricsRestore, ChainsOfBlocksThatDoNotFitAreDropped) {
  using Change = std::function<void(Left&)>;
  const auto set_next = [](std::size_t block, std::uint32_t next) {
    return [=](Left& left) { left.write(Left::block_offset(block), next); };
  };
  const std::pair<const char*, Change> changes[] = {
      {"none",
       [](Left& left) {
         auto record = left.record(2);
         record.first_block = 0;
         left.set(2, record);
       }},
      {"outside",
       [](Left& left) {
         auto record = left.record(2);
         record.first_block = 0xffffffff;
         left.set(2, record);
       }},
      {"cut", set_next(0, 0)},
      {"to itself", set_next(0, 1)},
      {"back", set_next(1, 1)},
      {"outside, later", set_next(0, 1 + 10 * 38)},
      {"further than the text", set_next(2, 4)},
      {"no UTF-8", [](Left& left) { left.write(Left::block_offset(1) + 8, '\x80'); }},
      {"too long a label",
       [](Left& left) {
         auto record = left.record(2);
         record.text_bytes = {260, 0, 0};
         left.set(2, record);
       }},
  };
  for (const auto& [name, change] : changes) {
    Left left;
    change(left);
    Life life(left.file());
    EXPECT_EQ(life.metrics.restore_refused(), 1U) << name;
    EXPECT_EQ(life.metrics.snapshot().size(), 4U) << name;
    life.metrics.on_span(span_named(std::string(255, 'Y'), std::string(255, '1'), "long"));
    life.commit();
    EXPECT_EQ(life.metrics.snapshot().size(), 5U) << name;
    const std::string before = text_of(life.metrics.snapshot());
    Life next(left.file());
    EXPECT_EQ(text_of(next.metrics.snapshot()), before) << name;
    EXPECT_EQ(next.metrics.restore_refused(), 1U) << "since the ledger began";
  }
}

TEST(RedMetricsRestore, ABlockHasOneOwner) {
  Left left;
  auto thief = left.record(2);
  thief.text_bytes[2] = 2;
  left.set(0, thief);
  Life life(left.file());
  EXPECT_EQ(life.metrics.restore_refused(), 1U);
  EXPECT_EQ(life.metrics.snapshot().size(), 4U);
}

TEST(RedMetricsRestore, TwinsAndWhatIsOverTheLimitAreDropped) {
  Left left;
  left.set(0, left.record(1));
  left.set(7, left.record(4));  // the overflow, once more
  for (std::size_t i = 0; i < 3; ++i) {
    auto record = left.record(1);
    record.text[0] = static_cast<char>('A' + i);
    left.set(8 + i, record);
  }
  left.write(offsetof(SeriesHead, totals.records), ~std::uint64_t{0});
  Life life(left.file());
  EXPECT_EQ(life.metrics.restore_refused(), 1U + 1U + 2U);
  EXPECT_EQ(life.metrics.counts()[0].series, 5U);
  EXPECT_EQ(life.metrics.snapshot().size(), 5U);
  Life next(left.file());
  EXPECT_EQ(next.metrics.restore_refused(), 4U);
}

TEST(RedMetricsRestore, AnotherVersionsRegionIsAsIfEmpty) {
  Left left;
  left.write(0, left.read<std::uint64_t>(0) + 1);
  Life life(left.file());
  EXPECT_EQ(life.metrics.services(), 0U);
  EXPECT_EQ(life.metrics.counts()[0].overflowed, 0U);
  life.metrics.on_span(span_named("GET", "200", "a"));
  EXPECT_TRUE(life.metrics.snapshot().empty());
  life.commit();
  EXPECT_EQ(text_of(life.metrics.snapshot()), "GET 200 a 1/7000000 1/32\n");
  EXPECT_EQ(life.metrics.restore_refused(), 0U);
  EXPECT_EQ(text_of(Life(left.file()).metrics.snapshot()), "GET 200 a 1/7000000 1/32\n");
}

TEST(RedMetricsRestore, WhatStandsBehindTheLastSeriesIsNoSeries) {
  Left left;
  for (std::size_t i = 5; i < 4 * kOptions.max_series; ++i) left.set(i, left.record(1));
  Life life(left.file());
  EXPECT_EQ(life.metrics.restore_refused(), 0U);
  life.metrics.expire(kRestart + 10s);
  life.metrics.on_span(span_named("GET", "200", "new"));
  EXPECT_EQ(life.metrics.snapshot().size(), 5U) << "that have not ended yet";
  life.commit();
  EXPECT_EQ(text_of(life.metrics.snapshot()).find("GET 200 new 1/"), 0U);
  EXPECT_EQ(life.metrics.snapshot().size(), 2U);
  EXPECT_EQ(Life(left.file()).metrics.restore_refused(), 0U);
}

[[noreturn]] void count_for_ever(int file, std::atomic<std::uint64_t>& committed) {
  Life life(file);
  while (true) {
    for (const auto* outcome : {"200", "500", "501", "502", "503", "504"}) {
      life.metrics.on_span(span_of("GET", outcome, 1ms));
    }
    life.commit();
    committed += 1;
  }
}

TEST(RedMetricsRestore, AKilledShardLeavesItsLastBatchWhole) {
  const auto file = new_file();
  void* const page = ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  auto& committed = *new (page) std::atomic<std::uint64_t>(0);
  std::mt19937 random(6);
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t last = committed;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) count_for_ever(file.get(), committed);
    while (committed == last) ::usleep(10);
    ::usleep(static_cast<useconds_t>(random() % 200));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const Life life(file.get());
    ASSERT_EQ(life.metrics.restore_refused(), 0U);
    const auto series = life.metrics.snapshot();
    ASSERT_EQ(series.size(), 5U);
    const std::uint64_t batches = series[0].value.duration.count();
    ASSERT_GE(batches, committed);
    ASSERT_LE(batches, committed + 1);
    for (std::size_t i = 1; i < 4; ++i) ASSERT_EQ(series[i].value.duration.count(), batches);
    ASSERT_EQ(series[4].value.duration.count(), 2 * batches);
    ASSERT_EQ(life.metrics.counts()[0].overflowed, 2 * batches);
    committed = batches;
  }
  ::munmap(page, sizeof(committed));
}

}  // namespace
}  // namespace beyla::exporters::aggregate
