#include "agent/broker/tls_share.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/broker/tls_places.h"

namespace beyla::broker {

using probes::loader::FileIdentity;

TlsShare::Library* TlsShare::place_for(const FileIdentity& file) {
  const auto find = [this](const std::optional<FileIdentity>& wanted) {
    return std::ranges::find(libraries_, wanted, &Library::file);
  };
  auto place = find(file);
  if (place == libraries_.end()) place = find(std::nullopt);
  return place == libraries_.end() ? nullptr : &*place;
}

void TlsShare::offer(const TargetImage& image, const probes::proof::BinaryReport& report,
                     base::BootTime now) {
  Library* const library = place_for(image.identity);
  if (watch_ == nullptr || library == nullptr || library->links.points() != 0) return;
  if (library->was_refused || !library->budget.may_stand(now)) return;
  if (!kernel_.tls()->has_room(probes::loader::Room::usual)) return;
  // Before the proof: what is written later is told of. Mapped or not: others may map it later.
  if (!watch_->add(image.file.get(), image.identity)) return;
  library->file = image.identity;
  library->budget.begin(now);
  library->links =
      put_in(image, report, static_cast<std::uint32_t>(library - libraries_.data() + 1));
  library->was_refused = library->links.points() == 0;
}

probes::loader::TlsLinks TlsShare::put_in(const TargetImage& image,
                                          const probes::proof::BinaryReport& report,
                                          std::uint32_t number) {
  const auto places = proven_tls_places(image, report.points, ReturnProbes::never, counts_);
  if (places.empty()) return {};
  auto links = kernel_.tls()->attach_everywhere(image.file.get(), places, number);
  if (!links) {
    spdlog::warn("no TLS probes for short processes: {}", links.error().message());
    return {};
  }
  spdlog::info("TLS probes for short processes library={} probes={} of {}", report.text,
               places.size(), report.points.size());
  return std::move(*links);
}

void TlsShare::on_strangers(std::uint32_t number, base::BootTime now) {
  if (number == 0 || number > libraries_.size()) return;
  Library& library = libraries_[number - 1];
  if (library.links.points() == 0 || !library.budget.spend(now)) return;
  library.links.detach();
  spdlog::info(
      "TLS probes for short processes are taken away for a while: programs that are not "
      "instrumented use that library a lot");
}

void TlsShare::on_written(const FileIdentity& file) {
  const auto library = std::ranges::find(libraries_, std::optional(file), &Library::file);
  if (library != libraries_.end()) *library = Library{};
}

std::size_t TlsShare::points() const {
  std::size_t sum = 0;
  for (const Library& library : libraries_) sum += library.links.points();
  return sum;
}

}  // namespace beyla::broker
