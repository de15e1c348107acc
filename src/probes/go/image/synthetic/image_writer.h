// Appends to a file that is loaded as it is: address = base + offset. For tests and fuzzing only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace beyla::probes::go {

class ImageWriter {
 public:
  explicit ImageWriter(bool position_independent)
      : base_(position_independent ? 0 : 0x400000), relocates_(position_independent) {}

  [[nodiscard]] std::uint64_t here() const { return base_ + bytes_.size(); }
  [[nodiscard]] std::uint64_t offset_of(std::uint64_t address) const { return address - base_; }

  template <typename T>
  std::uint64_t put(T value) {
    const std::uint64_t at = here();
    bytes_.resize(bytes_.size() + sizeof(T));
    set(at, value);
    return at;
  }
  template <typename T>
  void set(std::uint64_t at, T value) {
    std::memcpy(bytes_.data() + offset_of(at), &value, sizeof(value));
  }
  // A word that will hold an address; of position-independent files it does so by relocation only.
  void set_pointer(std::uint64_t at, std::uint64_t value) {
    if (relocates_) {
      relocations_.emplace_back(at, value);
    } else {
      set(at, value);
    }
  }
  std::uint64_t put_pointer(std::uint64_t value) {
    const std::uint64_t at = put(std::uint64_t{0});
    set_pointer(at, value);
    return at;
  }
  std::uint64_t put_text(std::string_view text) {
    const std::uint64_t at = here();
    for (const char c : text) put(c);
    return at;
  }
  std::uint64_t skip(std::uint64_t count, std::byte fill = {}) {
    const std::uint64_t at = here();
    bytes_.resize(bytes_.size() + count, fill);
    return at;
  }
  void align(std::uint64_t to) { skip((to - bytes_.size() % to) % to); }

  [[nodiscard]] const auto& relocations() const { return relocations_; }
  [[nodiscard]] std::vector<std::byte> take() && { return std::move(bytes_); }

 private:
  std::uint64_t base_;
  bool relocates_;
  std::vector<std::byte> bytes_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> relocations_;
};

}  // namespace beyla::probes::go
