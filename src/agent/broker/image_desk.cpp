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

// By the texts of src/probes/tls/report.
bool is_tls_unfit(const probes::proof::BinaryReport& report) {
  return report.text == "no_tls_sites" || report.text.starts_with("rustls_");
}

template <typename Values, typename Value>
bool holds(const Values& values, const Value& value) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

void ImageDesk::on_selected(const model::TargetProcess& target, base::BootTime /*time*/) {
  const model::ProcessKey& key = target.key;
  if (arrivals_.size() >= kMaxWaiting || wanted_.size() >= kMaxWaiting) {
    counts_.too_many.add();
    turn_away(key, now_, {});
    return;
  }
  if (wanted_.try_emplace(key).second) arrivals_.push_back(key);
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
    wanted_[*process].rests = false;
    return look_at(*process, now);
  }
  if (arrivals_.empty()) return;
  const model::ProcessKey process = arrivals_.front();
  arrivals_.pop_front();
  const auto wanted = wanted_.find(process);
  if (wanted != wanted_.end() && !wanted->second.rests) look_at(process, now);
}

std::optional<base::BootTime> ImageDesk::due(base::BootTime now) const {
  const bool may_start = shelf_.has_queued() && analyses_.has_room();
  if (!arrivals_.empty() || may_start) return now;
  const auto late = analyses_.due();
  const auto again = retries_.due();
  return late && again ? std::min(*late, *again) : (late ? late : again);
}

void ImageDesk::take(Analyses::Done done, base::BootTime now) {
  auto processes =
      done.report ? shelf_.finish(done.file, *done.report) : shelf_.fail(done.file, now);
  if (done.report) {
    count(*done.report, processes.front());
  } else {
    const auto failure = static_cast<std::size_t>(done.report.error());
    counts_.failures[failure].add();
    spdlog::warn("no probes in a file of {} bytes: {}", done.file.bytes, kFailureTexts[failure]);
  }
  keep_waiting(done.file, processes);
  // Before those that came later.
  arrivals_.insert(arrivals_.begin(), processes.begin(), processes.end());
}

void ImageDesk::count(const probes::proof::BinaryReport& report, const model::ProcessKey& process) {
  switch (report.kind) {
    case abi::kBinaryGo: counts_.go.add(); break;
    case abi::kBinaryTls: counts_.tls.add(); return;
    case abi::kBinaryOther:
      if (is_tls_unfit(report)) {
        counts_.tls_unfit.add();
        spdlog::info("no TLS probes for process {}: {}", process.pid, report.text);
      } else {
        counts_.other.add();
      }
      break;
  }
  if (report.inlined == 0) return;
  counts_.inlined.add();
  spdlog::info(
      "program of process {}: functions of Go probes {:#x} were inlined (PGO); probes left out: "
      "{:#x}",
      process.pid, report.inlined, report.left_out);
}

void ImageDesk::keep_waiting(const File& file, std::vector<model::ProcessKey>& processes) {
  std::erase_if(processes, [&](const model::ProcessKey& process) {
    const auto wanted = wanted_.find(process);
    return wanted == wanted_.end() || std::erase(wanted->second.waiting, file) == 0;
  });
}

void ImageDesk::start_workers(base::BootTime now) {
  while (analyses_.has_room()) {
    const auto next = shelf_.begin_next();
    if (!next) return;
    const auto image = open_for(*next);
    const auto started =
        image ? analyses_.start(next->file, image->file.get(), now) : base::Result<void>();
    if (image && started) continue;
    // Nobody has it any more, or the machine is short of something: it is asked for anew.
    auto processes = shelf_.finish(next->file, std::nullopt);
    keep_waiting(next->file, processes);
    for (const auto& process : processes) {
      Wanted& wanted = wanted_.at(process);
      if (started) {
        wanted.done.push_back(next->file);
      } else {
        put_off(wanted, next->file);
      }
      finish(process, now);
    }
    if (started) continue;
    auto& count = counts_.failures[static_cast<std::size_t>(AnalysisFailure::not_started)];
    if (count.value() == 0) {
      spdlog::warn("cannot look for probes in programs (later cases are only counted): {}",
                   started.error().message());
    }
    count.add();
  }
}

std::optional<TargetImage> ImageDesk::open_for(const BinaryShelf::Next& next) const {
  for (const auto& process : next.processes) {
    if (!wanted_.contains(process)) continue;
    auto files = open_files(process, inspector_);
    if (!files) continue;
    if (files->executable.identity == next.file) return std::move(files->executable);
    const auto library = std::ranges::find(files->libraries, next.file, &TargetImage::identity);
    if (library != files->libraries.end()) return std::move(*library);
  }
  return std::nullopt;
}

void ImageDesk::look_at(const model::ProcessKey& process, base::BootTime now) {
  auto files = open_files(process, inspector_);
  if (!files) {
    if (files.error() == NoImage::gone) counts_.gone.add();
    if (files.error() == NoImage::not_permitted) counts_.not_permitted.add();
    return be_done_with(process);
  }
  if (!with_libraries_) files->libraries.clear();
  Wanted& wanted = wanted_.at(process);
  ask_for(process, wanted, files->executable.identity, now);
  for (const TargetImage& library : files->libraries) {
    ask_for(process, wanted, library.identity, now);
  }
  tell(process, wanted, *files, files->executable, now);
  for (const TargetImage& library : files->libraries) tell(process, wanted, *files, library, now);
  finish(process, now);
}

void ImageDesk::ask_for(const model::ProcessKey& process, Wanted& wanted, const File& file,
                        base::BootTime now) {
  if (holds(wanted.waiting, file) || holds(wanted.done, file) || holds(wanted.later, file)) return;
  if (shelf_.find(file, now) != nullptr) {
    if (const auto again = shelf_.again(file)) put_off(wanted, file, *again);
    return;
  }
  if (shelf_.wait_for(file, process)) {
    wanted.waiting.push_back(file);
    return;
  }
  if (!retries_.knows(process)) counts_.too_many.add();
  put_off(wanted, file);
}

// Of a library nothing before the executable is known: it says what may stand there.
void ImageDesk::tell(const model::ProcessKey& process, Wanted& wanted, const TargetFiles& files,
                     const TargetImage& image, base::BootTime now) {
  if (holds(wanted.done, image.identity) || holds(wanted.later, image.identity)) return;
  const auto* const report = shelf_.find(image.identity, now);
  const auto* const executable = shelf_.find(files.executable.identity, now);
  if (report == nullptr || executable == nullptr) return;
  if (shelf_.again(files.executable.identity)) return;
  // A bare fork is about to call exec, and cannot run its parent's program.
  const bool is_left_alone = report->kind == abi::kBinaryOther ||
                             (files.is_bare_fork && executable->kind == abi::kBinaryGo);
  const ImageReports reports{.of_image = *report, .of_executable = *executable};
  if (is_left_alone || user_.attach(process, files, image, reports, retries_.knows(process)) ==
                           AttachOutcome::done) {
    wanted.done.push_back(image.identity);
  } else {
    put_off(wanted, image.identity);
  }
}

void ImageDesk::put_off(Wanted& wanted, const File& file, base::BootTime earliest) {
  wanted.earliest = wanted.later.empty() ? earliest : std::min(wanted.earliest, earliest);
  wanted.later.push_back(file);
}

void ImageDesk::finish(const model::ProcessKey& process, base::BootTime now) {
  const Wanted& wanted = wanted_.at(process);
  if (!wanted.waiting.empty()) return;
  if (wanted.later.empty()) return be_done_with(process);
  turn_away(process, now, wanted.earliest);
}

void ImageDesk::turn_away(const model::ProcessKey& process, base::BootTime now,
                          base::BootTime earliest) {
  if (retries_.knows(process)) counts_.retried_in_vain.add();
  const auto wanted = wanted_.find(process);
  if (!retries_.put(process, now, earliest)) {
    counts_.given_up.add();
    if (wanted != wanted_.end()) wanted_.erase(wanted);
    return;
  }
  if (wanted == wanted_.end()) return;
  wanted->second.later.clear();
  wanted->second.rests = true;
}

void ImageDesk::be_done_with(const model::ProcessKey& process) {
  wanted_.erase(process);
  if (retries_.knows(process)) counts_.retried.add();
  retries_.forget(process);
}

}  // namespace beyla::broker
