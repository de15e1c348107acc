#include "probes/loader/tls_probes.h"

#include <cerrno>
#include <vector>

#include "probes/loader/uprobe_multi.h"

namespace beyla::probes::loader {

TlsLinks& TlsLinks::operator=(TlsLinks&& other) noexcept {
  if (this == &other) return *this;
  detach();
  closer_ = std::exchange(other.closer_, nullptr);
  places_ = std::move(other.places_);
  returns_ = std::move(other.returns_);
  points_ = std::exchange(other.points_, 0);
  return *this;
}

void TlsLinks::detach() {
  if (closer_ == nullptr) return;
  if (places_.valid()) closer_->close(std::move(places_));
  if (returns_.valid()) closer_->close(std::move(returns_));
  closer_ = nullptr;
  points_ = 0;
}

base::Result<TlsLinks> TlsProbes::attach(std::uint32_t pid, int library_fd,
                                         std::span<const TlsPlace> places) {
  return link(pid, library_fd, places, 0);
}

base::Result<TlsLinks> TlsProbes::attach_everywhere(int library_fd,
                                                    std::span<const TlsPlace> places,
                                                    std::uint32_t number) {
  return link(kEveryProcess, library_fd, places, std::uint64_t{number} << abi::kTlsLibraryShift);
}

base::Result<TlsLinks> TlsProbes::link(std::uint32_t pid, int library_fd,
                                       std::span<const TlsPlace> places, std::uint64_t added) {
  const bool is_rustls = !places.empty() && places.front().probe >= abi::kTlsFirstSeal;
  std::vector<UprobePlace> at_place;
  std::vector<UprobePlace> at_return;
  for (const TlsPlace& place : places) {
    if (place.probe == 0 || place.probe >= abi::kTlsProbes ||
        (place.probe >= abi::kTlsFirstSeal) != is_rustls) {
      return base::fail_errno(EINVAL, "no probe of a TLS library");
    }
    (place.at_return ? at_return : at_place).push_back({place.offset, place.probe | added});
  }
  const int program_fd = is_rustls ? programs_.rustls_fd : programs_.call_fd;
  if (is_rustls) *programs_.follow_rustls = 1;
  TlsLinks links(closer_);
  if (!at_place.empty()) {
    links.places_ = TRY(link_uprobes(program_fd, library_fd, pid, at_place));
  }
  if (!at_return.empty()) {
    links.returns_ =
        TRY(link_uprobes(program_fd, library_fd, pid, at_return, HitAt::function_return));
  }
  links.points_ = places.size();
  return links;
}

}  // namespace beyla::probes::loader
