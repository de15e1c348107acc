#include "spans/span_builder.h"

#include <utility>

#include "base/byte_reader.h"

namespace beyla::spans {
namespace {

// More requests than the session tables can hold: 65,536 connections with 1,024 each, and those
// that are held here.
constexpr std::uint64_t kMaxInFlight = (std::uint64_t{1} << 26U) + SpanBuilder::kMaxHeld;

std::size_t index_of(model::Role role) { return static_cast<std::size_t>(role); }

}  // namespace

model::RequestId SpanBuilder::on_begun(const model::RequestBegun& begun) {
  const std::size_t index = index_of(begun.role);
  if (const auto found = known_.find(begun.process); found != known_.end()) {
    ++found->second.in_flight[index];
    if (found->second.selected) ++in_flight_.selected[index];
  } else {
    ++undecided_in_flight_[begun.process][index];
    ++in_flight_.undecided[index];
  }
  return 0;
}

// It counts as something now, or never will.
void SpanBuilder::end(Known& known, model::Role role) {
  const std::size_t index = index_of(role);
  if (known.in_flight[index] == 0) return;
  --known.in_flight[index];
  if (known.selected) --in_flight_.selected[index];
}

// REQUIRES: the process is not known.
void SpanBuilder::drop_undecided(const model::ProcessKey& process, model::Role role) {
  counts_.of(role).undecided.add();
  end_undecided(process, role);
}

// REQUIRES: likewise.
void SpanBuilder::end_undecided(const model::ProcessKey& process, model::Role role) {
  const std::size_t index = index_of(role);
  const auto found = undecided_in_flight_.find(process);
  if (found == undecided_in_flight_.end() || found->second[index] == 0) return;
  --found->second[index];
  --in_flight_.undecided[index];
  if (found->second == ByRole{}) undecided_in_flight_.erase(found);
}

void SpanBuilder::on_exchange(model::Exchange&& exchange) {
  if (const auto found = known_.find(exchange.process); found != known_.end()) {
    deliver(std::move(exchange), found->second);
    return;
  }
  if (held() == kMaxHeld) {
    drop_undecided(exchange.process, exchange.role);
    return;
  }
  held_.push_back(std::move(exchange));
}

void SpanBuilder::deliver(model::Exchange&& exchange, Known& known) {
  end(known, exchange.role);
  if (!known.selected) return;
  counts_.of(exchange.role).exchanges.add();
  if (exchange.semantics.is_partly_unknown) counts_.partly_unknown.add();
  const model::Span span{std::move(exchange), known.service};
  for (auto* sink : sinks_) sink->on_span(span);
}

void SpanBuilder::on_incomplete(const model::Incomplete& request) {
  if (const auto found = known_.find(request.process); found != known_.end()) {
    count(request, found->second);
  } else if (held() == kMaxHeld) {
    drop_undecided(request.process, request.role);
  } else {
    held_incomplete_.push_back(request);
  }
}

void SpanBuilder::on_withdrawn(const model::Withdrawn& request) {
  if (const auto found = known_.find(request.process); found != known_.end()) {
    end(found->second, request.role);
  } else {
    end_undecided(request.process, request.role);
  }
}

void SpanBuilder::count(const model::Incomplete& request, Known& known) {
  end(known, request.role);
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
  if (const auto before = known_.find(key); before != known_.end()) {
    forget(key, before->second);
    known_.erase(before);
  }
  if (const auto begun = undecided_in_flight_.extract(key)) {
    known.in_flight = begun.mapped();
    for (std::size_t role = 0; role < kRoles; ++role) {
      in_flight_.undecided[role] -= known.in_flight[role];
      if (known.selected) in_flight_.selected[role] += known.in_flight[role];
    }
  }
  auto& entry = known_.insert_or_assign(key, std::move(known)).first->second;
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
    drop_undecided(held_.front().process, held_.front().role);
    held_.pop_front();
  }
  while (!held_incomplete_.empty() && now - held_incomplete_.front().time > kMaxHold) {
    drop_undecided(held_incomplete_.front().process, held_incomplete_.front().role);
    held_incomplete_.pop_front();
  }
  const auto keep = known_.size() > kMaxProcesses ? kMaxHold : kKeepAfterExit;
  std::erase_if(known_, [&](const auto& entry) {
    const auto& exited = entry.second.exited;
    if (!exited || now - *exited <= keep) return false;
    forget(entry.first, entry.second);
    return true;
  });
}

// What it began may still end: as anything that nobody knows the process of.
void SpanBuilder::forget(const model::ProcessKey& key, const Known& known) {
  if (known.in_flight == ByRole{}) return;
  undecided_in_flight_[key] = known.in_flight;
  for (std::size_t role = 0; role < kRoles; ++role) {
    if (known.selected) in_flight_.selected[role] -= known.in_flight[role];
    in_flight_.undecided[role] += known.in_flight[role];
  }
}

void SpanBuilder::count_restart(std::span<const std::byte> committed) {
  const auto lost = base::ByteReader(committed).read_struct<InFlight>();
  if (!lost) return;
  staged_ = *lost;
  constexpr auto kRestart = static_cast<std::size_t>(model::IncompleteReason::restart);
  for (std::size_t role = 0; role < kRoles; ++role) {
    if (lost->selected[role] <= kMaxInFlight) {
      counts_.by_role[role].incomplete[kRestart].add(lost->selected[role]);
    }
    if (lost->undecided[role] <= kMaxInFlight) {
      counts_.by_role[role].undecided.add(lost->undecided[role]);
    }
  }
}

}  // namespace beyla::spans
