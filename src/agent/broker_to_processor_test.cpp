// What the broker's side writes, as the processor's rooms understand it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "agent/broker/broker_books.h"
#include "agent/broker/target_outbox.h"
#include "agent/processor/broker_books_reader.h"
#include "agent/processor/self_metrics.h"
#include "capture/target_messages.h"
#include "export/aggregate/red_metrics.h"
#include "probes/proof/refusal.h"
#include "spans/span_builder.h"

namespace beyla::agent {
namespace {

using namespace std::chrono_literals;

constexpr model::ProcessKey kEnded{1, 0, 10};
constexpr model::ProcessKey kAfterExec{1, 1, 10};
constexpr model::ProcessKey kRejected{2, 0, 20};
constexpr model::ProcessKey kAlive{3, 0, 30};
constexpr auto kTtl = 3s;

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

// The stages that are told of targets, as a processor just started has them.
class Processor final : public model::SpanSink, public model::TargetSink {
 public:
  // Reads all that the outbox has for it.
  void learn_from(broker::TargetOutbox& outbox, base::BootTime now) {
    int fds[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    const base::Fd brokers(fds[0]);
    const base::Fd mine(fds[1]);
    outbox.attach_to(brokers.get(), now);
    while (outbox.wants_write()) {
      outbox.flush();
      std::array<std::byte, 512> buffer{};
      ssize_t got = 0;
      while ((got = ::recv(mine.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) {
        ASSERT_TRUE(capture::decode_target_message(
            std::span(buffer).first(static_cast<std::size_t>(got)), *this));
      }
    }
    outbox.detach();
  }
  void ask(const model::ProcessKey& process, base::BootTime end) {
    model::Exchange exchange;
    exchange.process = process;
    exchange.role = model::Role::server;
    exchange.received = exchange.end = end;
    exchange.semantics = {model::MetricFamily::http, "GET", "/", "200"};
    spans.on_exchange(std::move(exchange));
  }

  void on_span(const model::Span& span) override { services.push_back(span.service.name); }
  void on_selected(const model::TargetProcess& target, base::BootTime time) override {
    metrics.on_selected(target, time);
    spans.on_selected(target, time);
  }
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override {
    metrics.on_rejected(key, time);
    spans.on_rejected(key, time);
  }
  void on_exited(const model::ProcessKey& key, base::BootTime time) override {
    metrics.on_exited(key, time);
    spans.on_exited(key, time);
  }

  std::vector<std::string> services;  // of spans, in order
  // What has happened so far, committed.
  std::vector<exporters::aggregate::Series> series() {
    metrics.stage();
    ledger->commit();
    return metrics.snapshot();
  }

  static constexpr exporters::aggregate::RedOptions kOptions{.max_series = 100, .ttl = kTtl};
  std::unique_ptr<base::Ledger> ledger =
      base::Ledger::make_private(
          std::vector{exporters::aggregate::RedMetrics::region_bytes(kOptions)})
          .value();
  exporters::aggregate::RedMetrics metrics{*ledger, 0, kOptions, base::BootTime{}};
  spans::SpanBuilder spans{{&metrics, this}};
};

// A process that called exec, one that was rejected, one that lives.
void fill(broker::TargetOutbox& outbox) {
  outbox.on_selected({kEnded, {"old"}}, at(1s));
  outbox.on_rejected(kRejected, at(2s));
  outbox.on_exited(kEnded, at(10s));
  outbox.on_selected({kAfterExec, {"new"}}, at(10s));
  outbox.on_selected({kAlive, {"shop"}}, at(11s));
}

TEST(BrokerToProcessor, ASuccessorNamesLateAndNewAnswersAlike) {
  broker::TargetOutbox outbox;
  fill(outbox);
  Processor first;
  first.learn_from(outbox, at(12s));
  Processor second;
  second.learn_from(outbox, at(12s));
  for (Processor* const processor : {&first, &second}) {
    for (const auto& key : {kEnded, kRejected, kAfterExec, kAlive}) processor->ask(key, at(12s));
    EXPECT_EQ(processor->services, (std::vector<std::string>{"old", "new", "shop"}));
    EXPECT_FALSE(processor->spans.holds_any());
    processor->spans.expire(at(20s));
    EXPECT_EQ(processor->spans.counts().of(model::Role::server).undecided.value(), 0U);
  }
}

TEST(BrokerToProcessor, ASuccessorLetsTheSeriesOfTheEndedExpireInTheirTime) {
  broker::TargetOutbox outbox;
  fill(outbox);
  Processor processor;
  processor.learn_from(outbox, at(12s));
  for (const auto& key : {kEnded, kAfterExec, kAlive}) processor.ask(key, at(10s));
  EXPECT_EQ(processor.metrics.next_expiry(), at(10s + kTtl));
  processor.metrics.expire(at(10s + kTtl));
  std::vector<std::string> left;
  for (const auto& series : processor.series()) left.push_back(series.key->service);
  EXPECT_EQ(left, (std::vector<std::string>{"new", "shop"}));
  processor.metrics.expire(at(100'000s));
  EXPECT_EQ(processor.series().size(), 2U);
}

TEST(BrokerToProcessor, BooksAreReadAsTheyAreWritten) {
  auto books = broker::BrokerBooks::make();
  ASSERT_TRUE(books);
  const auto reader = processor::BrokerBooksReader::map(books->fd());
  ASSERT_TRUE(reader) << reader.error().message();
  for (std::uint32_t book = 0; book < abi::kBrokerBookValues; ++book) {
    EXPECT_EQ(reader->value(static_cast<abi::broker_book>(book)), 0U);
    books->set(static_cast<abi::broker_book>(book), book + (1ULL << 40U));
  }
  for (std::uint32_t book = 0; book < abi::kBrokerBookValues; ++book) {
    EXPECT_EQ(reader->value(static_cast<abi::broker_book>(book)), book + (1ULL << 40U));
  }
}

// The processor's side may not include what the broker refuses for: it has the names again.
TEST(BrokerToProcessor, EachRefusalOfAProbeIsServedUnderItsOwnName) {
  using probes::proof::Refusal;
  auto books = broker::BrokerBooks::make();
  ASSERT_TRUE(books);
  const auto reader = processor::BrokerBooksReader::map(books->fd());
  ASSERT_TRUE(reader);
  probes::proof::RefusalCounts counts;
  for (std::size_t at = 0; at < probes::proof::kRefusals; ++at) {
    for (std::size_t i = 0; i <= at; ++i) counts.add(static_cast<Refusal>(at));
  }
  books->set_refusals(counts);
  std::vector<exporters::prometheus::Sample> samples;
  processor::collect_broker_books(*reader, samples);
  for (std::size_t at = 0; at < probes::proof::kRefusals; ++at) {
    const auto name = std::string(probes::proof::reason_name(static_cast<Refusal>(at)));
    const processor::Labels labels{{"reason", name}};
    const auto served = std::ranges::find_if(samples, [&](const auto& sample) {
      return sample.name == "beyla_probes_skipped_total" && sample.labels == labels;
    });
    ASSERT_NE(served, samples.end()) << name;
    EXPECT_EQ(std::get<std::uint64_t>(served->value), at + 1) << name;
  }
}

// Each kind of record has a name: a missing initialiser would be an empty one.
TEST(BrokerToProcessor, NoSampleHasAnEmptyLabel) {
  const auto books = broker::BrokerBooks::make();
  ASSERT_TRUE(books);
  const auto reader = processor::BrokerBooksReader::map(books->fd());
  ASSERT_TRUE(reader);
  std::vector<exporters::prometheus::Sample> samples;
  processor::collect_broker_books(*reader, samples);
  processor::collect_kernel_books({}, samples);
  ASSERT_FALSE(samples.empty());
  for (const auto& sample : samples) {
    for (const auto& [key, value] : sample.labels) EXPECT_NE(value, "") << sample.name << key;
  }
}

// A page with some version and count of values.
base::Fd make_page(std::uint32_t version, std::uint32_t values, int seals, off_t bytes) {
  base::Fd file(::memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const std::uint32_t head[] = {version, values};
  EXPECT_EQ(::pwrite(file.get(), head, sizeof(head), 0), static_cast<ssize_t>(sizeof(head)));
  EXPECT_EQ(::ftruncate(file.get(), bytes), 0);
  EXPECT_EQ(::fcntl(file.get(), F_ADD_SEALS, seals), 0);
  return file;
}

TEST(BrokerToProcessor, WhatIsNoBooksIsNotRead) {
  constexpr auto kVersion = std::uint32_t{abi::kBrokerBooksVersion};
  constexpr auto kValues = std::uint32_t{abi::kBrokerBookValues};
  const auto is_read = [](const base::Fd& file) {
    return processor::BrokerBooksReader::map(file.get()).has_value();
  };
  EXPECT_TRUE(is_read(make_page(kVersion, kValues, F_SEAL_SHRINK, abi::kBrokerBooksBytes)));
  EXPECT_FALSE(is_read(make_page(kVersion + 1, kValues, F_SEAL_SHRINK, abi::kBrokerBooksBytes)));
  EXPECT_FALSE(is_read(make_page(kVersion, kValues + 1, F_SEAL_SHRINK, abi::kBrokerBooksBytes)));
  EXPECT_FALSE(is_read(make_page(kVersion, kValues, F_SEAL_GROW, abi::kBrokerBooksBytes)));
  EXPECT_FALSE(is_read(make_page(kVersion, kValues, F_SEAL_SHRINK, 8)));
  EXPECT_FALSE(is_read(base::Fd()));
  const base::Fd device(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(is_read(device));
}

}  // namespace
}  // namespace beyla::agent
