// A processor that somebody else starts, behind a unix socket: a service manager that listens there
// and starts one for a connection. Its end is the end of the connection. Control thread only.
#pragma once

#include <functional>
#include <string>

#include "agent/broker/processor_source.h"

namespace beyla::broker {

class ConnectedProcessor final : public ProcessorSource {
 public:
  // on_peer gets the processor's pid, as the kernel tells it, before anything is sent.
  ConnectedProcessor(std::string path, std::function<void(pid_t)> on_peer)
      : path_(std::move(path)), on_peer_(std::move(on_peer)) {}

  base::Result<Started> start() override;
  // The keeper has closed the channel: that ends it.
  void kill() override { closed_ = true; }
  void on_channel_closed() override { closed_ = true; }
  [[nodiscard]] int fd() const override { return -1; }
  base::Result<std::optional<ProcessorEnd>> read_end() override;

 private:
  std::string path_;
  std::function<void(pid_t)> on_peer_;
  bool closed_ = false;
};

}  // namespace beyla::broker
