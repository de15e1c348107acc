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

template <typename Values, typename Value>
bool holds(const Values& values, const Value& value) {
  return std::ranges::find(values, value) != values.end();
}

// What a file that could not be analysed is taken for, so that it is tried, and told of, once.
probes::proof::BinaryReport nothing_to_probe() {
  probes::proof::BinaryReport report;
  report.text = "unknown";
  return report;
}

}  // namespace

void ImageDesk::on_selected(const model::TargetProcess& target, base::BootTime /*time*/) {
  want(target.key);
}

void ImageDesk::want(const model::ProcessKey& key) {
  if (arrivals_.size() >= kMaxWaiting || wanted_.size() >= kMaxWaiting) {
    counts_.too_many.add();
    return;
  }
  if (wanted_.try_emplace(key).second) arrivals_.push_back(key);
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
  if (done.report) {
    switch (done.report->kind) {
      case abi::kBinaryGo: counts_.go.add(); break;
      case abi::kBinaryTls: counts_.tls.add(); break;
      case abi::kBinaryOther: counts_.other.add(); break;
    }
  } else {
    const auto failure = static_cast<std::size_t>(done.report.error());
    counts_.failures[failure].add();
    spdlog::warn("no probes in a file of {} bytes: {}", done.file.bytes, kFailureTexts[failure]);
  }
  const auto processes = finish(done.file, done.report.value_or(nothing_to_probe()));
  // Before those that came later.
  arrivals_.insert(arrivals_.begin(), processes.begin(), processes.end());
}

std::vector<model::ProcessKey> ImageDesk::finish(const File& file,
                                                 std::optional<BinaryShelf::Report> report) {
  auto processes = shelf_.finish(file, std::move(report));
  std::erase_if(processes, [&](const model::ProcessKey& process) {
    const auto wanted = wanted_.find(process);
    return wanted == wanted_.end() || std::erase(wanted->second.waiting, file) == 0;
  });
  return processes;
}

void ImageDesk::start_workers(base::BootTime now) {
  while (analyses_.has_room()) {
    const auto next = shelf_.begin_next();
    if (!next) return;
    const auto image = open_for(*next);
    const auto started =
        image ? analyses_.start(next->file, image->file.get(), now) : base::Result<void>();
    if (image && started) continue;
    // Nobody has it any more, or the machine is short of something: the next process asks anew.
    for (const auto& process : finish(next->file, std::nullopt)) {
      Wanted& wanted = wanted_.at(process);
      wanted.done.push_back(next->file);
      if (wanted.waiting.empty()) wanted_.erase(process);
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

void ImageDesk::look_at(const model::ProcessKey& process) {
  Wanted& wanted = wanted_.at(process);
  auto files = open_files(process, inspector_);
  if (!files) {
    if (files.error() == NoImage::gone) counts_.gone.add();
    wanted_.erase(process);
    return;
  }
  if (!with_libraries_) files->libraries.clear();
  ask_for(process, wanted, files->executable.identity);
  for (const TargetImage& library : files->libraries) ask_for(process, wanted, library.identity);
  tell(process, wanted, *files, files->executable);
  for (const TargetImage& library : files->libraries) tell(process, wanted, *files, library);
  if (wanted.waiting.empty()) wanted_.erase(process);
}

void ImageDesk::ask_for(const model::ProcessKey& process, Wanted& wanted, const File& file) {
  if (holds(wanted.waiting, file) || holds(wanted.done, file)) {
    return;
  }
  if (shelf_.find(file) != nullptr) return;
  if (shelf_.wait_for(file, process)) {
    wanted.waiting.push_back(file);
    return;
  }
  wanted.done.push_back(file);
  counts_.too_many.add();
}

// Of a library nothing before the executable is known: it says what may stand there.
void ImageDesk::tell(const model::ProcessKey& process, Wanted& wanted, const TargetFiles& files,
                     const TargetImage& image) {
  if (holds(wanted.done, image.identity)) return;
  const auto* const report = shelf_.find(image.identity);
  const auto* const executable = shelf_.find(files.executable.identity);
  if (report == nullptr || executable == nullptr) return;
  wanted.done.push_back(image.identity);
  // It is about to call exec, and cannot run its parent's program.
  if (files.is_bare_fork && executable->kind == abi::kBinaryGo) return;
  if (report->kind != abi::kBinaryOther) {
    user_.attach(process, files, image, {.of_image = *report, .of_executable = *executable});
  }
}

}  // namespace beyla::broker
