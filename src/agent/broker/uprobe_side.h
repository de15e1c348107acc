// All that the broker does for probes in programs and libraries, as one part of its loop. Control
// thread only.
#pragma once

#include <optional>

#include "agent/broker/broker_books.h"
#include "agent/broker/file_watch.h"
#include "agent/broker/go_attacher.h"
#include "agent/broker/image_desk.h"
#include "agent/broker/tls_attacher.h"

namespace beyla::broker {

class UprobeSide final : public ImageUser {
 public:
  // Borrows both for its lifetime. Those kinds of probes that the kernel half has.
  UprobeSide(probes::loader::KernelProbes& kernel, ElfWorkers& workers, ProbeWants wants);

  AttachOutcome attach(const model::ProcessKey& process, const TargetFiles& files,
                       const TargetImage& image, const ImageReports& reports,
                       bool is_retry) override;
  void detach(const model::ProcessKey& process) override;
  void settle(const model::ProcessKey& process) override;
  void offer(const TargetImage& library, const probes::proof::BinaryReport& report) override;
  [[nodiscard]] bool cover(const model::ProcessKey& process) override;
  void on_tls_strangers(std::uint32_t library, base::BootTime now);

  [[nodiscard]] ImageDesk& desk() { return desk_; }
  // Readable when turn() has something to do; -1: never.
  [[nodiscard]] int watch_fd() const { return watch_ ? watch_->fd() : -1; }
  // Whatever can be done now.
  void turn(base::BootTime now);
  // When turn() has something to do without any fd; nullopt: never.
  [[nodiscard]] std::optional<base::BootTime> due(base::BootTime now) const;
  void write(BrokerBooks& books) const;

 private:
  probes::loader::KernelProbes& kernel_;
  ImageCounts image_counts_;
  AttachCounts attach_counts_;
  std::optional<FileWatch> watch_;
  std::optional<GoAttacher> go_;
  std::optional<TlsAttacher> tls_;
  ImageDesk desk_;
};

}  // namespace beyla::broker
