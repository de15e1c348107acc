#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/fd.h"
#include "export/aggregate/red_metrics.h"
#include "export/text/label_text.h"

namespace {

using namespace beyla::exporters::aggregate;
using beyla::base::BootTime;
using beyla::base::Ledger;
namespace model = beyla::model;

constexpr RedOptions kOptions{.max_series = 4};

void check(bool holds) {
  if (!holds) __builtin_trap();
}

struct Life {
  explicit Life(int file)
      : ledger(Ledger::open(file, std::vector{RedMetrics::region_bytes(kOptions)}).value()),
        metrics(*ledger, 0, kOptions, BootTime{}) {}
  void commit() {
    metrics.stage();
    ledger->commit();
  }
  std::unique_ptr<Ledger> ledger;
  RedMetrics metrics;
};

model::Span span_of(std::string operation, std::string service) {
  model::Span span;
  span.service.name = std::move(service);
  span.exchange.role = model::Role::server;
  span.exchange.semantics = {model::MetricFamily::http, std::move(operation), "/", "200"};
  return span;
}

void check_series(const std::vector<Series>& all) {
  check(all.size() <= kOptions.max_series * metric_names().size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const SeriesKey& key = *all[i].key;
    check(find_metric_names(key.family, key.role) != nullptr);
    check(key.route.empty() || find_metric_names(key.family, key.role)->has_route());
    for (const auto& label : {key.operation, key.outcome, key.service, key.route}) {
      check(beyla::exporters::text::is_label_text(label));
      check(label.empty() || !key.is_overflow);
    }
    check(i == 0 || *all[i - 1].key < key);
  }
}

bool equal(const std::vector<Series>& a, const std::vector<Series>& b) {
  return std::ranges::equal(a, b, [](const Series& x, const Series& y) {
    return *x.key == *y.key && x.value.duration.counts == y.value.duration.counts &&
           x.value.duration.sum == y.value.duration.sum &&
           x.value.request_size.counts == y.value.request_size.counts &&
           x.value.request_size.sum == y.value.request_size.sum;
  });
}

// By which this version knows its regions.
std::uint64_t fingerprint() {
  const beyla::base::Fd file(::memfd_create("fuzz", MFD_CLOEXEC));
  Life life(file.get());
  life.metrics.on_span(span_of("GET", "shop"));
  life.commit();
  std::uint64_t value = 0;
  std::memcpy(&value, life.ledger->committed(0).data(), sizeof(value));
  return value;
}

// The region of a predecessor of this version, with the input in place of all but the fingerprint.
void leave_region(int file, const std::uint8_t* data, std::size_t size) {
  static const std::uint64_t kOurs = fingerprint();
  const std::size_t region = RedMetrics::region_bytes(kOptions);
  const auto bytes = std::as_bytes(std::span(data, std::min(size, region - sizeof(kOurs))));
  const auto ledger = Ledger::open(file, std::vector{region}).value();
  ledger->stage(0, 0, std::as_bytes(std::span(&kOurs, 1)));
  ledger->stage(0, sizeof(kOurs), bytes);
  ledger->commit();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const beyla::base::Fd file(::memfd_create("fuzz", MFD_CLOEXEC));
  leave_region(file.get(), data, size);
  Life life(file.get());
  check_series(life.metrics.snapshot());
  {
    const Life twin(file.get());
    check(equal(twin.metrics.snapshot(), life.metrics.snapshot()));
    check(twin.metrics.restore_refused() == life.metrics.restore_refused());
  }
  for (int i = 0; i < 6; ++i) {
    auto span = span_of(std::string(250, static_cast<char>('A' + i)), "till");
    if (i % 2 == 1) span.exchange.semantics.route = std::string(250, static_cast<char>('a' + i));
    life.metrics.on_span(span);
  }
  life.metrics.expire(BootTime{std::chrono::hours(1)});
  life.metrics.on_span(span_of(std::string(250, 'B'), "till"));
  life.commit();
  check_series(life.metrics.snapshot());
  const Life next(file.get());
  check(equal(next.metrics.snapshot(), life.metrics.snapshot()));
  check(next.metrics.restore_refused() == life.metrics.restore_refused());
  return 0;
}
