// The seam of power: what the privileged side tells the pipeline goes through one socket, as
// fixed-size messages (abi/messages.h), although both are threads of one process today.
#pragma once

#include <utility>

#include "abi/messages.h"
#include "base/fd.h"
#include "base/result.h"
#include "model/target.h"

namespace beyla::agent {

// (control side's end, pipeline's end), SOCK_SEQPACKET; the pipeline's end does not block.
[[nodiscard]] base::Result<std::pair<base::Fd, base::Fd>> make_target_channel();

// Control thread. Blocks while the channel is full: the pipeline reads it between batches.
class TargetSender final : public model::TargetSink {
 public:
  explicit TargetSender(base::Fd fd) : fd_(std::move(fd)) {}
  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

 private:
  void send(abi::target_change change, const model::ProcessKey& key, base::BootTime time,
            const std::string& service_name);
  base::Fd fd_;
};

// Hands every waiting message to the sink; one that is not understood is logged and dropped.
void receive_targets(int fd, model::TargetSink& sink);

}  // namespace beyla::agent
