#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <random>

#include "export/aggregate/red_test_lives.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

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
    Life life(file.get(), {.max_series = 10, .ttl = 10s});
    EXPECT_EQ(life.metrics.restore_refused(), 0U);
    EXPECT_EQ(text_of(life.metrics.snapshot()), before);
    life.metrics.expire(kRestart + 10s);  // all of them
    const std::string name(255, '\xff');
    for (const std::size_t bytes : {0UL, 36UL, 37UL, 255UL}) {
      life.metrics.on_span(span_named(std::string(bytes, static_cast<char>('a' + round)),
                                      std::string(bytes, '2'), name.substr(0, bytes)));
      life.metrics.on_span(span_on_route("GET", "200", "r", std::string(bytes, 'r')));
    }
    life.commit();
    before = text_of(life.metrics.snapshot());
    ASSERT_EQ(life.metrics.snapshot().size(), 8U);
    struct stat status{};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    if (round == 2) blocks = static_cast<std::uint64_t>(status.st_blocks);
    if (round > 2) {
      EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks), blocks);
    }
  }
}

TEST(RedMetricsRestore, EachFamilyAndRouteComesBack) {
  const auto file = new_file();
  std::string before;
  {
    Life life(file.get());
    life.metrics.on_span(span_on_route("GET", "200", "shop", "/users/:id"));
    life.metrics.on_span(span_on_route("GET", "200", "shop", "/users/:id/*rest"));
    life.metrics.on_span(span_named("GET", "200", "shop"));
    for (const auto role : {model::Role::server, model::Role::client}) {
      auto call = span_named("/a.B/C", "14", "shop");
      call.exchange.semantics.family = model::MetricFamily::rpc;
      call.exchange.role = role;
      life.metrics.on_span(call);
    }
    life.commit();
    before = text_of(life.metrics.snapshot());
  }
  Life life(file.get());
  EXPECT_EQ(before,
            "GET 200 shop 1/7000000 1/32\n"
            "GET 200 shop /users/:id 1/7000000 1/32\n"
            "GET 200 shop /users/:id/*rest 1/7000000 1/32\n"
            "/a.B/C 14 shop 1/7000000 0/0\n"
            "/a.B/C 14 shop 1/7000000 0/0\n");
  EXPECT_EQ(text_of(life.metrics.snapshot()), before);
  EXPECT_EQ(life.metrics.restore_refused(), 0U);
  life.metrics.on_span(span_on_route("GET", "200", "shop", "/users/:id"));
  life.commit();
  ASSERT_EQ(life.metrics.snapshot().size(), 5U);
  EXPECT_EQ(life.metrics.snapshot()[1].value.duration.count(), 2U);
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
