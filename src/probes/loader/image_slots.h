// Which of the kernel's kGoImages entries belongs to which binary, and for how many processes: an
// entry is given to another binary only when the last probe that reads it is gone. No kernel in
// here. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "probes/loader/file_identity.h"

namespace beyla::probes::loader {

class ImageSlots {
 public:
  explicit ImageSlots(std::uint32_t slots);

  struct Taken {
    std::uint32_t slot = 0;
    bool is_new = false;  // fill it before it is used
  };
  // False: all belong to other binaries.
  [[nodiscard]] bool has_room_for(const FileIdentity& binary) const {
    return !free_.empty() || by_binary_.contains(binary);
  }
  // For one process more. nullopt: no room.
  [[nodiscard]] std::optional<Taken> take(const FileIdentity& binary);
  // REQUIRES: taken as often before.
  void give_back(const FileIdentity& binary);

  [[nodiscard]] std::size_t used() const { return by_binary_.size(); }

 private:
  struct Use {
    std::uint32_t slot = 0;
    std::uint32_t processes = 0;
  };
  std::unordered_map<FileIdentity, Use, FileIdentityHash> by_binary_;
  std::vector<std::uint32_t> free_;
};

}  // namespace beyla::probes::loader
