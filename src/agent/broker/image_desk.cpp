#include "agent/broker/image_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace beyla::broker {
namespace {

constexpr std::array<std::string_view, kAnalysisFailures> kFailureTexts = {
    "its ELF worker could not be started", "its ELF worker died", "its ELF worker took too long",
    "its ELF worker gave an answer that none may give"};

}  // namespace

void ImageDesk::on_selected(const model::TargetProcess& target, base::BootTime /*time*/) {
  if (arrivals_.size() >= kMaxWaiting || wanted_.size() >= kMaxWaiting) {
    counts_.too_many.add();
    turn_away(target.key, now_);
    return;
  }
  if (wanted_.insert(target.key).second) arrivals_.push_back(target.key);
}

void ImageDesk::on_rejected(const model::ProcessKey& key, base::BootTime /*time*/) { forget(key); }

void ImageDesk::on_exited(const model::ProcessKey& key, base::BootTime /*time*/) { forget(key); }

void ImageDesk::forget(const model::ProcessKey& key) {
  wanted_.erase(key);
  retries_.forget(key);
  user_.detach(key);
}

void ImageDesk::turn(base::BootTime now) {
  now_ = now;
  for (auto& done : analyses_.collect(now)) take(std::move(done), now);
  start_workers(now);
  // Before all others: it has lived for a while, and those who come in a storm may not.
  if (const auto process = retries_.take(now)) {
    wanted_.insert(*process);
    return look_at(*process, now);
  }
  if (arrivals_.empty()) return;
  const model::ProcessKey process = arrivals_.front();
  arrivals_.pop_front();
  if (wanted_.contains(process)) look_at(process, now);
}

std::optional<base::BootTime> ImageDesk::due(base::BootTime now) const {
  const bool may_start = shelf_.has_queued() && analyses_.has_room();
  if (!arrivals_.empty() || may_start) return now;
  const auto late = analyses_.due();
  const auto again = retries_.due();
  return late && again ? std::min(*late, *again) : (late ? late : again);
}

void ImageDesk::take(Analyses::Done done, base::BootTime now) {
  if (done.report) (done.report->is_go ? counts_.go : counts_.other).add();
  const auto inlined = done.report ? done.report->inlined : 0;
  const auto left_out = done.report ? done.report->left_out : 0;
  const auto processes =
      done.report ? shelf_.finish(done.file, std::move(*done.report)) : shelf_.fail(done.file, now);
  if (inlined != 0) {
    counts_.inlined.add();
    spdlog::info(
        "program of process {}: functions of Go probes {:#x} were inlined (PGO); probes "
        "left out: {:#x}",
        processes.front().pid, inlined, left_out);
  }
  if (!done.report) {
    const auto failure = static_cast<std::size_t>(done.report.error());
    counts_.failures[failure].add();
    spdlog::warn("no Go probes in the program of process {}: {}", processes.front().pid,
                 kFailureTexts[failure]);
  }
  // Before those that came later.
  arrivals_.insert(arrivals_.begin(), processes.begin(), processes.end());
}

void ImageDesk::start_workers(base::BootTime now) {
  while (analyses_.has_room()) {
    const auto next = shelf_.begin_next();
    if (!next) return;
    const auto image = open_for(*next);
    const auto started =
        image ? analyses_.start(next->file, image->exe.get(), now) : base::Result<void>();
    if (image && started) continue;
    // Nobody has it any more, or the machine is short of something: it is asked for anew.
    for (const auto& process : shelf_.finish(next->file, std::nullopt)) {
      if (started) {
        be_done_with(process);
      } else {
        turn_away(process, now);
      }
    }
    if (started) continue;
    auto& count = counts_.failures[static_cast<std::size_t>(AnalysisFailure::not_started)];
    if (count.value() == 0) {
      spdlog::warn("cannot look for Go probes (later cases are only counted): {}",
                   started.error().message());
    }
    count.add();
  }
}

std::optional<TargetImage> ImageDesk::open_for(const BinaryShelf::Next& next) const {
  for (const auto& process : next.processes) {
    if (!wanted_.contains(process)) continue;
    auto image = open_image(process, inspector_);
    if (image && image->file == next.file) return std::move(*image);
  }
  return std::nullopt;
}

void ImageDesk::look_at(const model::ProcessKey& process, base::BootTime now) {
  const auto image = open_image(process, inspector_);
  if (!image) {
    if (image.error() == NoImage::gone) counts_.gone.add();
    if (image.error() == NoImage::not_permitted) counts_.not_permitted.add();
    return be_done_with(process);
  }
  const bool is_retry = retries_.knows(process);
  const auto* const report = shelf_.find(image->file, now);
  if (report == nullptr) {
    if (shelf_.wait_for(image->file, process)) return;
    if (!is_retry) counts_.too_many.add();
    return turn_away(process, now);
  }
  if (const auto again = shelf_.again(image->file)) return turn_away(process, now, *again);
  if (report->is_go && user_.attach(process, *image, *report, is_retry) == AttachOutcome::later) {
    return turn_away(process, now);
  }
  be_done_with(process);
}

void ImageDesk::turn_away(const model::ProcessKey& process, base::BootTime now,
                          base::BootTime earliest) {
  wanted_.erase(process);
  if (retries_.knows(process)) counts_.retried_in_vain.add();
  if (!retries_.put(process, now, earliest)) counts_.given_up.add();
}

void ImageDesk::be_done_with(const model::ProcessKey& process) {
  wanted_.erase(process);
  if (retries_.knows(process)) counts_.retried.add();
  retries_.forget(process);
}

}  // namespace beyla::broker
