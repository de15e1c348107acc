// One stream of targets, told to two. Control thread only.
#pragma once

#include "model/target.h"

namespace beyla::broker {

class TargetFork final : public model::TargetSink {
 public:
  // `first` is always told, and before; `second` may be null. Borrows both.
  TargetFork(model::TargetSink& first, model::TargetSink* second)
      : first_(first), second_(second) {}

  void on_selected(const model::TargetProcess& target, base::BootTime time) override {
    first_.on_selected(target, time);
    if (second_ != nullptr) second_->on_selected(target, time);
  }
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override {
    first_.on_rejected(key, time);
    if (second_ != nullptr) second_->on_rejected(key, time);
  }
  void on_exited(const model::ProcessKey& key, base::BootTime time) override {
    first_.on_exited(key, time);
    if (second_ != nullptr) second_->on_exited(key, time);
  }

 private:
  model::TargetSink& first_;
  model::TargetSink* second_;
};

}  // namespace beyla::broker
