#include "agent/broker/tls_attacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/broker/tls_places.h"

namespace beyla::broker {
namespace {

using probes::loader::AttachFailure;
using probes::loader::Room;

}  // namespace

AttachOutcome TlsAttacher::attach(const model::ProcessKey& process, const TargetImage& image,
                                  const probes::proof::BinaryReport& report, ReturnProbes returns,
                                  bool is_retry) {
  const auto known = attached_.find(process);
  if (known != attached_.end() &&
      std::ranges::find(known->second, image.identity, &Library::file) != known->second.end()) {
    return AttachOutcome::done;
  }
  // Before the proof, which takes longer.
  if (!kernel_.tls()->has_room(is_retry ? Room::reserved : Room::usual)) {
    if (!is_retry) count(AttachFailure::too_many_links);
    return AttachOutcome::later;
  }
  if (!image.maps.valid() && !watches(image)) return AttachOutcome::done;
  const auto places = proven_tls_places(image, report.points, returns, counts_);
  if (!places.empty()) put_in(process, image, report, places);
  return AttachOutcome::done;
}

// The log is no place for one line a process where they come by the hundred.
template <typename... Arguments>
void TlsAttacher::say(spdlog::level::level_enum level, fmt::format_string<Arguments...> format,
                      Arguments&&... arguments) {
  const auto left_out = lines_.take(base::BootClock::now());
  if (!left_out) return;
  if (*left_out != 0) spdlog::info("TLS probes: {} lines were left out here", *left_out);
  spdlog::log(level, format, std::forward<Arguments>(arguments)...);
}

void TlsAttacher::put_in(const model::ProcessKey& process, const TargetImage& image,
                         const probes::proof::BinaryReport& report, const Places& places) {
  auto links = kernel_.tls()->attach(process.pid, image.file.get(), places);
  if (!links) {
    const bool is_gone = links.error().os_errno == ESRCH;
    count(is_gone ? AttachFailure::process_gone : AttachFailure::refused_by_kernel);
    if (is_gone) return;
    say(spdlog::level::warn, "no TLS probes in process {}: {}", process.pid,
        links.error().message());
    return;
  }
  const bool is_mapped = image.maps.valid();
  attached_[process].push_back({image.identity, is_mapped, std::move(*links)});
  kernel_.let_tls_probes_speak(process);
  say(spdlog::level::info, "TLS probes in pid={} library={} probes={} of {}{}", process.pid,
      report.text, places.size(), report.points.size(), is_mapped ? "" : ", should it be loaded");
}

void TlsAttacher::count(AttachFailure failure) {
  counts_.failures[static_cast<std::size_t>(failure)].add();
}

// Before the proof: what is written later is told of.
bool TlsAttacher::watches(const TargetImage& image) {
  if (watch_ == nullptr) return false;
  const auto added = watch_->add(image.file.get(), image.identity);
  if (!added) spdlog::debug("{}", added.error().message());
  return added.has_value();
}

void TlsAttacher::turn() {
  if (watch_ == nullptr) return;
  for (const auto& file : watch_->take_written()) {
    spdlog::warn("a TLS library of {} bytes was overwritten: its probes are taken away",
                 file.bytes);
    share_.on_written(file);
    for (auto& [process, libraries] : attached_) {
      std::erase_if(libraries, [&](const Library& library) {
        return library.file == file && !library.was_mapped;
      });
    }
  }
}

void TlsAttacher::settle(const model::ProcessKey& process) {
  if (attached_.contains(process)) kernel_.let_shared_tls_probes_rest(process);
}

bool TlsAttacher::cover(const model::ProcessKey& process) {
  if (!share_.stands()) return false;
  kernel_.let_tls_probes_speak(process);
  return true;
}

std::size_t TlsAttacher::points() const {
  std::size_t sum = share_.points();
  for (const auto& [process, libraries] : attached_) {
    for (const Library& library : libraries) sum += library.links.points();
  }
  return sum;
}

}  // namespace beyla::broker
