// What the broker does with the requests of its processor: who may have which probes, how many, how
// fast, and when a processor is so wrong that it must end. The processor can widen nothing: the
// policy comes from the operator's configuration, the targets from discovery.
// Control thread only; counts may be read by any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "abi/requests.h"
#include "agent/broker/request_decoder.h"
#include "agent/broker/target_log.h"
#include "agent/broker/token_bucket.h"
#include "base/clock.h"
#include "base/counter.h"

namespace beyla::broker {

struct RequestPolicy {
  // Bit by abi::probe_set; sets from 64 on are never allowed.
  std::uint64_t allowed_probe_sets =
      std::uint64_t{1} << abi::kProbesSockets | std::uint64_t{1} << abi::kProbesTls;
};

struct RequestCounts {
  base::Counter ready;
  base::Counter delivered;
  base::Counter repeated;  // of these two, beyond one per processor
  std::array<base::Counter, static_cast<std::size_t>(Malformed::kCount)> malformed;
  std::array<base::Counter, abi::kRequestOutcomes> outcomes;  // of kRequestProbes

  [[nodiscard]] std::uint64_t all_malformed() const;
};

// What requests lead to.
class RequestListener {
 public:
  virtual ~RequestListener() = default;
  virtual void on_ready() = 0;
  virtual void on_delivered() = 0;
  // The policy allows it, and `process` is a target. False: it cannot be done; log why. Called once
  // per process and set while the answer is true; for kProbesTls each time.
  [[nodiscard]] virtual bool attach(const model::ProcessKey& process, abi::probe_set probes) = 0;
  virtual void answer(const abi::request_answer& answer) = 0;
};

class RequestDesk {
 public:
  // Ours: far more than new targets need, and no burden to anybody.
  static constexpr std::int64_t kProbeRequestsPerSecond = 100;
  static constexpr std::size_t kMaxAttached = 4096;  // sets, over all processes
  // A processor of ours sends none; a few say which mistake it is before it is ended.
  static constexpr std::uint32_t kMaxMalformed = 16;
  // Requests over the rate, and repeated notices, without a pause of kCalm. One of ours asks again
  // when it was told to, later.
  static constexpr std::uint32_t kMaxUnwanted = 10'000;
  static constexpr std::chrono::seconds kCalm{1};

  // Borrows both for its lifetime.
  RequestDesk(RequestPolicy policy, const TargetLog& targets, RequestListener& listener)
      : policy_(policy), targets_(targets), listener_(listener) {}

  // Another processor is at the other end. What is attached stays, and so does the rate.
  void start_over();
  void take(std::span<const std::byte> datagram, base::BootTime now);

  // It sent kMaxMalformed messages that are none: end it.
  [[nodiscard]] bool is_hostile() const { return malformed_ >= kMaxMalformed; }
  // It sends kMaxUnwanted: end it, too.
  [[nodiscard]] bool is_flooded() const { return unwanted_ >= kMaxUnwanted; }
  [[nodiscard]] const RequestCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] abi::request_outcome decide(const Request& request, base::BootTime now);
  [[nodiscard]] abi::request_outcome attach(const Request& request);
  void note_unwanted(base::BootTime now);
  void forget_the_ended();
  [[nodiscard]] bool is_allowed(std::uint32_t probe_set) const;
  void note(bool& seen, base::Counter& counter, void (RequestListener::*notice)(),
            base::BootTime now);

  const RequestPolicy policy_;
  const TargetLog& targets_;
  RequestListener& listener_;
  TokenBucket rate_{kProbeRequestsPerSecond};
  // Bits by abi::probe_set; of processes that have ended, too, until their room is wanted.
  std::unordered_map<model::ProcessKey, std::uint64_t, model::ProcessKeyHash> attached_;
  std::size_t attached_sets_ = 0;  // bits in all of them
  std::uint32_t malformed_ = 0;    // of this processor
  std::uint32_t unwanted_ = 0;     // since it was calm
  base::BootTime unwanted_at_{};
  bool ready_ = false;
  bool delivered_ = false;
  RequestCounts counts_;
};

}  // namespace beyla::broker
