#include "probes/loader/image_slots.h"

#include <cassert>

namespace beyla::probes::loader {

ImageSlots::ImageSlots(std::uint32_t slots) {
  for (std::uint32_t slot = slots; slot > 0; --slot) free_.push_back(slot - 1);
}

std::optional<ImageSlots::Taken> ImageSlots::take(const FileIdentity& binary) {
  if (const auto known = by_binary_.find(binary); known != by_binary_.end()) {
    ++known->second.processes;
    return Taken{known->second.slot, false};
  }
  if (free_.empty()) return std::nullopt;
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  by_binary_.emplace(binary, Use{slot, 1});
  return Taken{slot, true};
}

void ImageSlots::give_back(const FileIdentity& binary) {
  const auto known = by_binary_.find(binary);
  assert(known != by_binary_.end());
  if (--known->second.processes != 0) return;
  free_.push_back(known->second.slot);
  by_binary_.erase(known);
}

}  // namespace beyla::probes::loader
