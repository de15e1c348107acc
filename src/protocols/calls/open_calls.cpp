#include "protocols/calls/open_calls.h"

#include <utility>

namespace beyla::protocols::calls {
namespace {

// Addresses share their low and high bits.
std::size_t mix(std::uint64_t seed, std::uint64_t word) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  const std::uint64_t mixed = (seed ^ word) * kOdd;
  return mixed ^ (mixed >> 32U);
}

}  // namespace

std::size_t OpenCalls::Hash::operator()(const CallKey& key) const noexcept {
  const std::size_t seed = model::ProcessKeyHash{}(key.process);
  return mix(seed + static_cast<std::size_t>(key.family), key.call);
}

std::size_t OpenCalls::Hash::operator()(const Place& place) const noexcept {
  return mix(mix(model::ProcessKeyHash{}(place.process), place.object), place.detail);
}

std::optional<OpenCalls::Place> OpenCalls::goroutine_of(const OpenCall& call) {
  const auto family = call.key.family;
  const bool wanted =
      family == CallFamily::http1 || family == CallFamily::http2 || family == CallFamily::client;
  if (!wanted || call.origin.goroutine == 0) return std::nullopt;
  return Place{call.key.process, call.origin.goroutine,
               static_cast<std::uint64_t>(call.key.family)};
}

OpenCall& OpenCalls::add(OpenCall&& call) {
  calls_.push_back(std::move(call));
  OpenCall& added = calls_.back();
  added.serial = ++last_serial_;
  by_key_.emplace(added.key, std::prev(calls_.end()));
  if (added.key.family == CallFamily::http2) {
    by_stream_[{added.key.process, added.owner, added.stream}] = &added;
    if (added.origin.context != 0) {
      http2_by_context_[{added.key.process, added.origin.context, 0}] = &added;
    }
  }
  if (const auto goroutine = goroutine_of(added)) {
    added.below = std::exchange(by_goroutine_[*goroutine], &added);
  }
  return added;
}

void OpenCalls::remove(OpenCall& call) {
  if (call.key.family == CallFamily::http2) {
    const auto stream = by_stream_.find({call.key.process, call.owner, call.stream});
    if (stream != by_stream_.end() && stream->second == &call) by_stream_.erase(stream);
    const auto context = http2_by_context_.find({call.key.process, call.origin.context, 0});
    if (context != http2_by_context_.end() && context->second == &call) {
      http2_by_context_.erase(context);
    }
  }
  leave_goroutine(call);
  const auto found = by_key_.find(call.key);
  const auto place = found->second;
  by_key_.erase(found);
  calls_.erase(place);
}

void OpenCalls::leave_goroutine(const OpenCall& call) {
  const auto goroutine = goroutine_of(call);
  if (!goroutine) return;
  const auto newest = by_goroutine_.find(*goroutine);
  if (newest->second == &call) {
    newest->second = call.below;
    if (call.below == nullptr) by_goroutine_.erase(newest);
    return;
  }
  OpenCall* above = newest->second;
  while (above->below != &call) above = above->below;
  above->below = call.below;
}

OpenCall* OpenCalls::find(const CallKey& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &*found->second;
}

OpenCall* OpenCalls::find_stream(const model::ProcessKey& process, std::uint64_t owner,
                                 std::uint32_t stream) {
  const auto found = by_stream_.find({process, owner, stream});
  return found == by_stream_.end() ? nullptr : found->second;
}

OpenCall* OpenCalls::find_http2_of(const model::ProcessKey& process, std::uint64_t context) {
  const auto found = http2_by_context_.find({process, context, 0});
  return found == http2_by_context_.end() ? nullptr : found->second;
}

OpenCall* OpenCalls::find_on(const model::ProcessKey& process, CallFamily family,
                             std::uint64_t goroutine) {
  const auto found = by_goroutine_.find({process, goroutine, static_cast<std::uint64_t>(family)});
  return found == by_goroutine_.end() ? nullptr : found->second;
}

}  // namespace beyla::protocols::calls
