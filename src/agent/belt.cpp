#include "agent/belt.h"

#include <utility>

#include "protocols/registry.h"

namespace beyla::agent {
namespace {

std::vector<model::SpanSink*> span_sinks(exporters::aggregate::RedMetrics& metrics,
                                         model::SpanSink* trace_lines) {
  std::vector<model::SpanSink*> sinks{&metrics};
  if (trace_lines != nullptr) sinks.push_back(trace_lines);
  return sinks;
}

}  // namespace

base::Result<Belt::Books> Belt::make_books(exporters::aggregate::RedOptions red_options) {
  const std::size_t regions[] = {exporters::aggregate::RedMetrics::region_bytes(red_options)};
  return Books{red_options, TRY(base::Ledger::make_private(regions))};
}

Belt::Belt(Books books, model::CapturePolicySink& policies, protocols::session::RecordOrder order,
           Listeners listeners)
    : recorder_(listeners.recorder),
      ledger_(std::move(books.ledger)),
      red_metrics_(*ledger_, 0, books.red_options, base::BootTime{}),
      spans_(span_sinks(red_metrics_, listeners.trace_lines)),
      sessions_(spans_, policies, protocols::registry(), recorder_, order),
      target_sinks_{&red_metrics_, &spans_} {
  if (recorder_ != nullptr) target_sinks_.push_back(recorder_);
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
  spans_.expire(time);
  expire_series(time);
  if (recorder_ != nullptr) recorder_->on_tick(time);  // behind what tidying has released
}

void Belt::end_batch() {
  red_metrics_.stage();
  ledger_->commit();
  open_connections_.store(sessions_.size(), std::memory_order_relaxed);
}

void Belt::finish(base::BootTime time) {
  sessions_.flush(time);
  end_batch();
  if (recorder_ != nullptr) recorder_->finish(time);
}

}  // namespace beyla::agent
