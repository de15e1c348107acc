#include "spans/span_builder.h"

#include <utility>

namespace beyla::spans {

void SpanBuilder::on_exchange(model::Exchange&& exchange) {
  if (const auto found = known_.find(exchange.process); found != known_.end()) {
    deliver(std::move(exchange), found->second);
    return;
  }
  if (held() == kMaxHeld) {
    counts_.of(exchange.role).undecided.add();
    return;
  }
  held_.push_back(std::move(exchange));
}

void SpanBuilder::deliver(model::Exchange&& exchange, const Known& known) {
  if (!known.selected) return;
  counts_.of(exchange.role).exchanges.add();
  const model::Span span{std::move(exchange), known.service};
  for (auto* sink : sinks_) sink->on_span(span);
}

void SpanBuilder::on_incomplete(const model::Incomplete& request) {
  if (const auto found = known_.find(request.process); found != known_.end()) {
    count(request, found->second);
  } else if (held() == kMaxHeld) {
    counts_.of(request.role).undecided.add();
  } else {
    held_incomplete_.push_back(request);
  }
}

void SpanBuilder::count(const model::Incomplete& request, const Known& known) {
  if (!known.selected) return;
  counts_.of(request.role).incomplete[static_cast<std::size_t>(request.reason)].add();
}

void SpanBuilder::on_selected(const model::TargetProcess& target, base::BootTime /*time*/) {
  decide(target.key, {true, target.service, std::nullopt});
}

void SpanBuilder::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  // Nothing more of it is captured, so it need not be remembered until it ends.
  decide(key, {false, {}, time});
}

void SpanBuilder::on_exited(const model::ProcessKey& key, base::BootTime time) {
  if (const auto found = known_.find(key); found != known_.end()) {
    found->second.exited = time;
  }
}

void SpanBuilder::decide(const model::ProcessKey& key, Known known) {
  const auto& entry = known_.insert_or_assign(key, std::move(known)).first->second;
  std::deque<model::Exchange> waiting;
  waiting.swap(held_);
  for (auto& exchange : waiting) {
    if (exchange.process == key) {
      deliver(std::move(exchange), entry);
    } else {
      held_.push_back(std::move(exchange));
    }
  }
  std::erase_if(held_incomplete_, [&](const model::Incomplete& request) {
    if (request.process != key) return false;
    count(request, entry);
    return true;
  });
}

void SpanBuilder::expire(base::BootTime now) {
  while (!held_.empty() && now - held_.front().end > kMaxHold) {
    counts_.of(held_.front().role).undecided.add();
    held_.pop_front();
  }
  while (!held_incomplete_.empty() && now - held_incomplete_.front().time > kMaxHold) {
    counts_.of(held_incomplete_.front().role).undecided.add();
    held_incomplete_.pop_front();
  }
  const auto keep = known_.size() > kMaxProcesses ? kMaxHold : kKeepAfterExit;
  std::erase_if(known_, [&](const auto& entry) {
    const auto& exited = entry.second.exited;
    return exited && now - *exited > keep;
  });
}

}  // namespace beyla::spans
