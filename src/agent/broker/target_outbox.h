// Everything that the broker tells its processor after the start message: targets
// (model::TargetSink), answers, stop. Never blocks: what the channel does not take waits here,
// bounded. A processor that is replaced is told first what its predecessor knew and still matters
// (TargetLog), then the news. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "abi/requests.h"
#include "agent/broker/target_log.h"
#include "base/clock.h"
#include "base/fd.h"
#include "model/target.h"

namespace beyla::broker {

class TargetOutbox final : public model::TargetSink {
 public:
  // News behind what was known when the processor began. A processor reads every 10 ms while it has
  // work; one that is so far behind has hung.
  static constexpr std::size_t kMaxWaiting = 16'384;
  static constexpr std::size_t kMaxAnswersWaiting = 1024;

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;
  // Without a processor, this and stop() are for nobody: the next one does not get them.
  void answer(const abi::request_answer& answer);
  // Goes out behind everything that waits.
  void stop();

  // A new processor, whose start message has been sent. The fd is borrowed until detach().
  void attach_to(int channel, base::BootTime now);
  // The processor has ended, or is about to: nothing is sent or kept for it any more.
  void detach();

  // poll() the channel for POLLOUT, then flush(). News want it, too: nothing is sent by the sinks.
  [[nodiscard]] bool wants_write() const;
  // Sends what the channel takes.
  void flush();
  // Too much waits: end that processor. Until detach().
  [[nodiscard]] bool overflowed() const;
  // The other end takes no message any more. Until detach().
  [[nodiscard]] bool broken() const { return broken_; }

  [[nodiscard]] const TargetLog& targets() const { return log_; }

 private:
  [[nodiscard]] bool attached() const { return channel_ >= 0; }
  [[nodiscard]] std::size_t news() const;
  [[nodiscard]] bool flush_answers();
  [[nodiscard]] bool flush_targets();
  [[nodiscard]] bool send(std::span<const std::byte> message);

  TargetLog log_;
  std::size_t known_ = 0;  // changes of the log that were no news, and are not read yet
  std::deque<abi::request_answer> answers_;
  int channel_ = -1;
  bool stop_waits_ = false;
  bool broken_ = false;
};

}  // namespace beyla::broker
