#include "base/counter_bank.h"

#include <cassert>
#include <cstring>

#include "base/fingerprint.h"

namespace beyla::base {
namespace {

struct Head {
  std::uint64_t fingerprint = 0;
  std::uint64_t count = 0;
};
static_assert(CounterBank::region_bytes() ==
              sizeof(Head) + CounterBank::kMaxCounters * sizeof(std::uint64_t));

std::uint64_t fingerprint_of(std::span<const CounterBank::Member> members) {
  Fingerprint fingerprint;
  for (const auto& member : members) fingerprint.add(member.name);
  return fingerprint.value();
}

std::size_t offset_of(std::size_t index) { return sizeof(Head) + index * sizeof(std::uint64_t); }

template <typename T>
T read_at(const Ledger& ledger, std::size_t region, std::size_t offset) {
  T value;
  const auto bytes = ledger.committed(region).subspan(offset, sizeof(T));
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

template <typename T>
void stage_at(Ledger& ledger, std::size_t region, std::size_t offset, const T& value) {
  ledger.stage(region, offset, std::as_bytes(std::span(&value, 1)));
}

}  // namespace

CounterBank::CounterBank(Ledger& ledger, std::size_t region, std::span<const Member> members)
    : ledger_(ledger),
      region_(region),
      fingerprint_(fingerprint_of(members)),
      staged_(members.size()) {
  assert(members.size() <= kMaxCounters);
  for (const Member& member : members) counters_.push_back(member.counter);
}

bool CounterBank::is_ours() const {
  const auto head = read_at<Head>(ledger_, region_, 0);
  return head.fingerprint == fingerprint_ && head.count == counters_.size();
}

bool CounterBank::restore() {
  if (!is_ours()) return false;
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    staged_[i] = committed(i);
    counters_[i]->restore(staged_[i]);
  }
  is_headed_ = true;
  return true;
}

// Without a head of ours the region may hold anything: all is written then.
void CounterBank::stage() {
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    const std::uint64_t value = counters_[i]->value();
    if (is_headed_ && value == staged_[i]) continue;
    staged_[i] = value;
    stage_at(ledger_, region_, offset_of(i), value);
  }
  if (is_headed_) return;
  stage_at(ledger_, region_, 0, Head{fingerprint_, counters_.size()});
  is_headed_ = true;
}

std::uint64_t CounterBank::committed(std::size_t index) const {
  const auto read = ledger_.read();
  return is_ours() ? read_at<std::uint64_t>(ledger_, region_, offset_of(index)) : 0;
}

}  // namespace beyla::base
