// Regions that no predecessor of this version left: each series is taken over only if it is as we
// write it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "export/aggregate/red_test_lives.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

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
    return record_offset(records()) + block * sizeof(TextBlock);
  }
  static std::size_t records() { return 2 * kOptions.max_series * metric_names().size(); }
  static std::uint32_t blocks() {
    return static_cast<std::uint32_t>((RedMetrics::region_bytes(kOptions) - block_offset(0)) /
                                      sizeof(TextBlock));
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

TEST(RedMetricsHostileRegion, WhatIsNoSeriesIsDroppedAndTheRestStays) {
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
      {"long route", [](auto& record) { record.text_bytes[3] = 766; }},
      {"route that is not there", [](auto& record) { record.text_bytes[3] = 40; }},
      {"route of a client",
       [](auto& record) {
         record.role = static_cast<std::uint8_t>(model::Role::client);
         record.text_bytes[3] = 1;
       }},
      {"route of an RPC",
       [](auto& record) {
         record.family = static_cast<std::uint8_t>(model::MetricFamily::rpc);
         record.text_bytes[3] = 1;
       }},
      {"overflow with a route",
       [](auto& record) {
         record.is_overflow = 1;
         record.text_bytes = {0, 0, 0, 1};
       }},
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

TEST(RedMetricsHostileRegion, ChainsOfBlocksThatDoNotFitAreDropped) {
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
      {"outside, later", set_next(0, 1 + Left::blocks())},
      {"further than the text", set_next(2, 4)},
      {"no UTF-8", [](Left& left) { left.write(Left::block_offset(1) + 8, '\x80'); }},
      {"too long a label",
       [](Left& left) {
         auto record = left.record(2);
         record.text_bytes = {260, 0, 0, 0};
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

TEST(RedMetricsHostileRegion, ABlockHasOneOwner) {
  Left left;
  auto thief = left.record(2);
  thief.text_bytes[2] = 2;
  left.set(0, thief);
  Life life(left.file());
  EXPECT_EQ(life.metrics.restore_refused(), 1U);
  EXPECT_EQ(life.metrics.snapshot().size(), 4U);
}

TEST(RedMetricsHostileRegion, TwinsAndWhatIsOverTheLimitAreDropped) {
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

TEST(RedMetricsHostileRegion, RoutesMakeSeriesApart) {
  Left left;
  auto record = left.record(1);  // "PUT", "201", "b"
  record.text_bytes[3] = 2;
  record.text[7] = '/';
  record.text[8] = 'r';
  left.set(0, record);
  Life life(left.file());
  EXPECT_EQ(life.metrics.restore_refused(), 0U);
  EXPECT_EQ(life.metrics.snapshot().size(), 5U);
  life.metrics.on_span(span_on_route("PUT", "201", "b", "/r"));
  life.commit();
  EXPECT_NE(text_of(life.metrics.snapshot()).find("PUT 201 b /r 2/"), std::string::npos);
  EXPECT_NE(text_of(life.metrics.snapshot()).find("PUT 201 b 1/"), std::string::npos);
}

TEST(RedMetricsHostileRegion, AnotherVersionsRegionIsAsIfEmpty) {
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

TEST(RedMetricsHostileRegion, WhatStandsBehindTheLastSeriesIsNoSeries) {
  Left left;
  for (std::size_t i = 5; i < Left::records(); ++i) left.set(i, left.record(1));
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

}  // namespace
}  // namespace beyla::exporters::aggregate
