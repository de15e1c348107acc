// The processor's end of the channel to the broker, behind the start message. The shard's thread.
#pragma once

#include "abi/requests.h"
#include "base/counter.h"
#include "base/fd.h"
#include "model/target.h"

namespace beyla::processor {

class BrokerChannel {
 public:
  explicit BrokerChannel(base::Fd fd) : fd_(std::move(fd)) {}

  enum class News { none, stop, gone };
  // Hands all target messages that wait to the sink. Never blocks. A message that is not understood
  // is logged and dropped.
  [[nodiscard]] News receive(model::TargetSink& sink);

  // kRequestReady or kRequestDelivered; each is sent once. Never blocks: what finds no room is
  // dropped, as the broker is busy and will do without.
  void tell(abi::message_kind kind);

  // Of the process; likewise.
  void ask_for_tls_probes(const model::ProcessKey& process);

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void send(abi::processor_request request);

  base::Fd fd_;
  std::uint64_t next_request_ = 1;
};

}  // namespace beyla::processor
