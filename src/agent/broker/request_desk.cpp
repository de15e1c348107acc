#include "agent/broker/request_desk.h"

#include <bit>

namespace beyla::broker {
namespace {

constexpr std::uint32_t kSets = 64;  // bits of a policy

std::uint64_t bit_of(std::uint32_t probe_set) { return std::uint64_t{1} << probe_set; }

}  // namespace

std::uint64_t RequestCounts::all_malformed() const {
  std::uint64_t sum = 0;
  for (const auto& counter : malformed) sum += counter.value();
  return sum;
}

void RequestDesk::start_over() {
  malformed_ = 0;
  unwanted_ = 0;
  ready_ = false;
  delivered_ = false;
}

void RequestDesk::take(std::span<const std::byte> datagram, base::BootTime now) {
  const auto request = decode_request(datagram);
  if (!request) {
    counts_.malformed[static_cast<std::size_t>(request.error())].add();
    ++malformed_;
    return;
  }
  switch (request->kind) {
    case abi::kRequestReady: note(ready_, counts_.ready, &RequestListener::on_ready, now); return;
    case abi::kRequestDelivered:
      note(delivered_, counts_.delivered, &RequestListener::on_delivered, now);
      return;
    default: break;
  }
  const auto outcome = decide(*request, now);
  counts_.outcomes[outcome].add();
  if (outcome == abi::kRequestTooFast) note_unwanted(now);
  listener_.answer({abi::kChannelVersion, abi::kMessageAnswer, sizeof(abi::request_answer), outcome,
                    request->id});
}

void RequestDesk::note(bool& seen, base::Counter& counter, void (RequestListener::*notice)(),
                       base::BootTime now) {
  if (seen) {
    counts_.repeated.add();
    note_unwanted(now);
    return;
  }
  seen = true;
  counter.add();
  (listener_.*notice)();
}

void RequestDesk::note_unwanted(base::BootTime now) {
  unwanted_ = now - unwanted_at_ < kCalm ? unwanted_ + 1 : 1;
  unwanted_at_ = now;
}

abi::request_outcome RequestDesk::decide(const Request& request, base::BootTime now) {
  if (!rate_.take(now)) return abi::kRequestTooFast;
  switch (targets_.standing(request.process)) {
    case Standing::unknown: return abi::kRequestNotTarget;
    case Standing::other_image: return abi::kRequestOtherImage;
    case Standing::target: break;
  }
  if (!is_allowed(request.probe_set)) return abi::kRequestProbesNotAllowed;
  return attach(request);
}

bool RequestDesk::is_allowed(std::uint32_t probe_set) const {
  return probe_set != abi::kProbesNone && probe_set < kSets &&
         (policy_.allowed_probe_sets & bit_of(probe_set)) != 0;
}

abi::request_outcome RequestDesk::attach(const Request& request) {
  const auto found = attached_.find(request.process);
  const std::uint64_t bit = bit_of(request.probe_set);
  const bool is_lasting = request.probe_set != abi::kProbesTls;
  if (found != attached_.end() && (found->second & bit) != 0) {
    if (is_lasting) return abi::kRequestAccepted;
    return listener_.attach(request.process, abi::kProbesTls) ? abi::kRequestAccepted
                                                              : abi::kRequestAttachFailed;
  }
  if (attached_sets_ >= kMaxAttached) forget_the_ended();
  if (attached_sets_ >= kMaxAttached) return abi::kRequestTooMany;
  if (!listener_.attach(request.process, static_cast<abi::probe_set>(request.probe_set))) {
    return abi::kRequestAttachFailed;
  }
  attached_[request.process] |= bit;
  ++attached_sets_;
  return abi::kRequestAccepted;
}

void RequestDesk::forget_the_ended() {
  std::erase_if(attached_, [&](const auto& entry) {
    if (targets_.standing(entry.first) == Standing::target) return false;
    attached_sets_ -= static_cast<std::size_t>(std::popcount(entry.second));
    return true;
  });
}

}  // namespace beyla::broker
