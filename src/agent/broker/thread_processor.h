// A processor that is a thread of this process, for debugging: it cannot be ended from outside, and
// its end is the agent's. Control thread only.
#pragma once

#include <functional>
#include <thread>

#include "agent/broker/processor_source.h"

namespace beyla::broker {

class ThreadProcessor final : public ProcessorSource {
 public:
  // main: what a processor does with its channel; returns its exit code.
  explicit ThreadProcessor(std::function<int(base::Fd)> main) : main_(std::move(main)) {}
  ~ThreadProcessor() override;

  base::Result<Started> start() override;
  void kill() override {}
  [[nodiscard]] int fd() const override { return ended_.get(); }
  base::Result<std::optional<ProcessorEnd>> read_end() override;

 private:
  std::function<int(base::Fd)> main_;
  std::thread thread_;
  base::Fd ended_;  // eventfd
  int exit_code_ = 0;
};

}  // namespace beyla::broker
