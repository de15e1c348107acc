// All that the broker does for Go probes, as one part of its loop. Control thread only.
#pragma once

#include "agent/broker/broker_books.h"
#include "agent/broker/go_attacher.h"
#include "agent/broker/image_desk.h"

namespace beyla::broker {

class GoSide {
 public:
  // Borrows both for its lifetime. REQUIRES: kernel.go() is not null.
  GoSide(probes::loader::KernelProbes& kernel, ElfWorkers& workers, ProbeWants wants)
      : kernel_(kernel),
        attacher_(kernel, wants, attach_counts_),
        desk_(workers, attacher_, image_counts_) {}

  [[nodiscard]] ImageDesk& desk() { return desk_; }
  // Whatever can be done now.
  void turn(base::BootTime now);
  // When turn() has something to do without any fd; nullopt: never.
  [[nodiscard]] std::optional<base::BootTime> due(base::BootTime now) const;
  void write(BrokerBooks& books) const;

 private:
  probes::loader::KernelProbes& kernel_;
  ImageCounts image_counts_;
  AttachCounts attach_counts_;
  GoAttacher attacher_;
  ImageDesk desk_;
};

}  // namespace beyla::broker
