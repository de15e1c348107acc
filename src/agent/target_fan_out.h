// Tells several what became of the targets, in the order given. Thread of the caller.
#pragma once

#include <utility>
#include <vector>

#include "model/target.h"

namespace beyla::agent {

class TargetFanOut final : public model::TargetSink {
 public:
  // The sinks must outlive this.
  explicit TargetFanOut(std::vector<model::TargetSink*> sinks) : sinks_(std::move(sinks)) {}

  void on_selected(const model::TargetProcess& target, base::BootTime time) override {
    for (auto* sink : sinks_) sink->on_selected(target, time);
  }
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override {
    for (auto* sink : sinks_) sink->on_rejected(key, time);
  }
  void on_exited(const model::ProcessKey& key, base::BootTime time) override {
    for (auto* sink : sinks_) sink->on_exited(key, time);
  }

 private:
  std::vector<model::TargetSink*> sinks_;
};

}  // namespace beyla::agent
