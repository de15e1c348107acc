#include "agent/processor/belt.h"

#include <spdlog/spdlog.h>

#include <array>
#include <string_view>

#include "protocols/registry.h"

namespace beyla::processor {
namespace {

// Of the ledger.
enum Region : std::size_t { kProgress, kCounters, kInFlight, kConnections, kSeries, kRegions };

std::vector<model::SpanSink*> span_sinks(exporters::aggregate::RedMetrics& metrics,
                                         model::SpanSink* trace_lines) {
  std::vector<model::SpanSink*> sinks{&metrics};
  if (trace_lines != nullptr) sinks.push_back(trace_lines);
  return sinks;
}

}  // namespace

std::vector<std::size_t> Belt::ledger_regions(const exporters::aggregate::RedOptions& options) {
  std::vector<std::size_t> bytes(kRegions);
  bytes[kProgress] = Progress::region_bytes();
  bytes[kCounters] = base::CounterBank::region_bytes();
  bytes[kInFlight] = spans::SpanBuilder::region_bytes();
  bytes[kConnections] = protocols::session::ConnectionBook::region_bytes();
  bytes[kSeries] = exporters::aggregate::RedMetrics::region_bytes(options);
  return bytes;
}

Belt::Belt(base::Ledger& ledger, exporters::aggregate::RedOptions options,
           protocols::session::RecordOrder order, const Neighbours& neighbours, base::BootTime now)
    : ledger_(ledger),
      decoder_(neighbours.decoder),
      dropped_lines_(neighbours.dropped_lines),
      recorder_(neighbours.recorder),
      red_metrics_(ledger, kSeries, options, now),
      spans_(span_sinks(red_metrics_, neighbours.trace_lines)),
      linker_(spans_, neighbours.trace_seed),
      calls_(linker_),
      sessions_(calls_, neighbours.policies, protocols::registry(), recorder_, order),
      events_(sessions_, calls_, linker_, recorder_),
      target_sinks_{&red_metrics_, &spans_, &calls_, &linker_},
      counters_(ledger, kCounters,
                {.decoder = decoder_,
                 .spans = spans_.counts(),
                 .sessions = sessions_.counters(),
                 .encrypted = sessions_.encrypted().counters(),
                 .calls = calls_.counters(),
                 .links = linker_.counters(),
                 .dropped_lines = dropped_lines_,
                 .refused_connections = refused_connections_}),
      progress_(ledger, kProgress) {
  if (recorder_ != nullptr) target_sinks_.push_back(recorder_);
  resume();
  const auto restored = sessions_.keep_book(ledger_.committed(kConnections), now);
  refused_connections_.add(restored.refused);
  sessions_.visit_connections([this](const model::ConnectionInfo& connection) {
    calls_.on_opened({{}, connection});  // whose it is the book does not say
  });
}

void Belt::resume() {
  if (!ledger_.resumed()) return;
  static_cast<void>(counters_.restore());
  spans_.count_restart(ledger_.committed(kInFlight));
}

void Belt::on_selected(const model::TargetProcess& target, base::BootTime time) {
  for (auto* sink : target_sinks_) sink->on_selected(target, time);
}

void Belt::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  for (auto* sink : target_sinks_) sink->on_rejected(key, time);
}

void Belt::on_exited(const model::ProcessKey& key, base::BootTime time) {
  for (auto* sink : target_sinks_) sink->on_exited(key, time);
}

void Belt::on_tick(base::BootTime time) {
  sessions_.tidy(time);
  calls_.tidy(time);
  warn_of_blind();
  linker_.expire(time);
  spans_.expire(time);
  expire_series(time);
  if (recorder_ != nullptr) recorder_->on_tick(time);  // behind what tidying has released
}

void Belt::warn_of_blind() {
  constexpr std::array<std::string_view, 5> kKinds = {"HTTP/1 over TLS", "HTTP/2", "gRPC",
                                                      "HTTP client", "gRPC client"};
  static_assert(kKinds.size() ==
                static_cast<std::size_t>(protocols::calls::CallFamily::grpc_client) + 1);
  for (const auto& blind : calls_.take_blind()) {
    spdlog::warn(
        "pid={}: requests of {} begin and never end: what ends them may be inlined; they "
        "count as incomplete",
        blind.process.pid, kKinds[static_cast<std::size_t>(blind.family)]);
  }
}

void Belt::stage(std::uint64_t ring_position) {
  red_metrics_.stage();
  spans_.stage(ledger_, kInFlight);
  sessions_.stage(ledger_, kConnections);
  counters_.stage();
  progress_.stage(ring_position);
  open_connections_.store(sessions_.size(), std::memory_order_relaxed);
}

void Belt::finish(base::BootTime time) {
  sessions_.flush(time);
  calls_.flush(time);
  if (recorder_ != nullptr) recorder_->finish(time);
}

}  // namespace beyla::processor
