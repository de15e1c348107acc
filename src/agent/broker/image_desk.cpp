#include "agent/broker/image_desk.h"

#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

namespace beyla::broker {
namespace {

constexpr std::array<std::string_view, kAnalysisFailures> kFailureTexts = {
    "its ELF worker could not be started", "its ELF worker died", "its ELF worker took too long",
    "its ELF worker gave an answer that none may give"};

// What a file that could not be analysed is taken for, so that it is tried, and told of, once.
probes::proof::BinaryReport nothing_to_probe() {
  probes::proof::BinaryReport report;
  report.text = "unknown";
  return report;
}

}  // namespace

void ImageDesk::on_selected(const model::TargetProcess& target, base::BootTime /*time*/) {
  if (arrivals_.size() >= kMaxWaiting || wanted_.size() >= kMaxWaiting) {
    counts_.too_many.add();
    return;
  }
  if (wanted_.insert(target.key).second) arrivals_.push_back(target.key);
}

void ImageDesk::on_rejected(const model::ProcessKey& key, base::BootTime /*time*/) { forget(key); }

void ImageDesk::on_exited(const model::ProcessKey& key, base::BootTime /*time*/) { forget(key); }

void ImageDesk::forget(const model::ProcessKey& key) {
  wanted_.erase(key);
  user_.detach(key);
}

void ImageDesk::turn(base::BootTime now) {
  for (auto& done : analyses_.collect(now)) take(std::move(done));
  start_workers(now);
  if (arrivals_.empty()) return;
  const model::ProcessKey process = arrivals_.front();
  arrivals_.pop_front();
  if (wanted_.contains(process)) look_at(process);
}

std::optional<base::BootTime> ImageDesk::due(base::BootTime now) const {
  const bool may_start = shelf_.has_queued() && analyses_.has_room();
  return arrivals_.empty() && !may_start ? analyses_.due() : now;
}

void ImageDesk::take(Analyses::Done done) {
  if (done.report) (done.report->is_go ? counts_.go : counts_.other).add();
  auto report = done.report.value_or(nothing_to_probe());
  if (report.inlined != 0) counts_.inlined.add();
  const auto inlined = report.inlined;
  const auto left_out = report.left_out;
  const auto processes = shelf_.finish(done.file, std::move(report));
  if (inlined != 0) {
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
    // Nobody has it any more, or the machine is short of something: the next process asks anew.
    for (const auto& process : shelf_.finish(next->file, std::nullopt)) wanted_.erase(process);
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

void ImageDesk::look_at(const model::ProcessKey& process) {
  const auto image = open_image(process, inspector_);
  if (image) {
    const auto* const report = shelf_.find(image->file);
    if (report == nullptr && shelf_.wait_for(image->file, process)) return;
    if (report == nullptr) counts_.too_many.add();
    if (report != nullptr && report->is_go) user_.attach(process, *image, *report);
  } else if (image.error() == NoImage::gone) {
    counts_.gone.add();
  }
  wanted_.erase(process);
}

}  // namespace beyla::broker
