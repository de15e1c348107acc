#include "agent/broker/uprobe_side.h"

#include <algorithm>
#include <utility>

namespace beyla::broker {
namespace {

constexpr std::uint32_t kFirstProcess = 1;  // its file system is the host's

}  // namespace

UprobeSide::UprobeSide(probes::loader::KernelProbes& kernel, ElfWorkers& workers, ProbeWants wants)
    : kernel_(kernel), desk_(workers, *this, image_counts_, kernel.tls() != nullptr) {
  if (kernel.go() != nullptr) go_.emplace(kernel, wants, attach_counts_);
  if (kernel.tls() == nullptr) return;
  auto watch = FileWatch::make();
  if (watch) watch_.emplace(std::move(*watch));
  tls_.emplace(kernel, watch_ ? &*watch_ : nullptr, attach_counts_);
  if (kernel.watches_every_exec()) desk_.learn_usual_libraries(kFirstProcess);
}

AttachOutcome UprobeSide::attach(const model::ProcessKey& process, const TargetFiles& files,
                                 const TargetImage& image, const ImageReports& reports,
                                 bool is_retry) {
  if (reports.of_image.kind == abi::kBinaryGo) {
    if (!go_ || &image != &files.executable) return AttachOutcome::done;
    return go_->attach(process, image, reports.of_image, is_retry);
  }
  const bool switches = files.switches_stacks || reports.of_executable.kind == abi::kBinaryGo;
  if (!tls_) return AttachOutcome::done;
  return tls_->attach(process, image, reports.of_image,
                      switches ? ReturnProbes::never : ReturnProbes::allowed, is_retry);
}

void UprobeSide::detach(const model::ProcessKey& process) {
  if (go_) go_->detach(process);
  if (tls_) tls_->detach(process);
}

void UprobeSide::settle(const model::ProcessKey& process) {
  if (tls_) tls_->settle(process);
}

// For processes of their own, not for children that servers fork: only names select the former.
void UprobeSide::offer(const TargetImage& library, const probes::proof::BinaryReport& report) {
  if (tls_ && kernel_.watches_every_exec()) {
    tls_->share().offer(library, report, base::BootClock::now());
  }
}

bool UprobeSide::cover(const model::ProcessKey& process) { return tls_ && tls_->cover(process); }

void UprobeSide::on_tls_strangers(std::uint32_t library, base::BootTime now) {
  if (tls_) tls_->share().on_strangers(library, now);
}

void UprobeSide::turn(base::BootTime now) {
  desk_.turn(now);
  if (go_) go_->turn(now);
  if (tls_) tls_->turn();
}

std::optional<base::BootTime> UprobeSide::due(base::BootTime now) const {
  const auto looks = go_ ? go_->due() : std::nullopt;
  const auto waits = desk_.due(now);
  return looks && waits ? std::min(*looks, *waits) : (looks ? looks : waits);
}

void UprobeSide::write(BrokerBooks& books) const {
  const auto* go = kernel_.go();
  books.set(abi::kBookGoProcesses, go != nullptr ? go->processes() : 0);
  books.set(abi::kBookTlsProcesses, tls_ ? tls_->processes() : 0);
  books.set(abi::kBookProbePoints,
            (go != nullptr ? go->points() : 0) + (tls_ ? tls_->points() : 0));
  books.set(abi::kBookTlsStrangerHits, kernel_.tls_stranger_hits());
  books.set_images(image_counts_);
  books.set_refusals(attach_counts_.refusals);
  static_assert(probes::loader::kAttachFailures == abi::kGoTooManyWait);
  for (std::size_t at = 0; at < probes::loader::kAttachFailures; ++at) {
    std::uint64_t count = attach_counts_.failures[at].value();
    if (at == abi::kGoProcessGone) count += image_counts_.gone.value();
    books.set(abi::book_of(abi::kBookGoFailures, at), count);
  }
}

}  // namespace beyla::broker
