#include "probes/native/code_references.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <memory>

namespace beyla::probes::native {
namespace {

constexpr std::size_t kFieldBytes = 4;

// Says no to nearly all addresses, by their last two bytes.
class Targets {
 public:
  explicit Targets(std::span<const std::uint64_t> targets)
      : sorted_(targets.begin(), targets.end()) {
    std::ranges::sort(sorted_);
    for (const std::uint64_t target : sorted_) last_bytes_->set(target % kLastBytes);
  }
  [[nodiscard]] bool contain(std::uint64_t address) const {
    return last_bytes_->test(address % kLastBytes) && std::ranges::binary_search(sorted_, address);
  }

 private:
  static constexpr std::size_t kLastBytes = 65536;
  std::unique_ptr<std::bitset<kLastBytes>> last_bytes_ =
      std::make_unique<std::bitset<kLastBytes>>();
  std::vector<std::uint64_t> sorted_;
};

}  // namespace

std::vector<CodeReference> find_code_references(const elf::ElfFile& elf,
                                                std::span<const std::uint64_t> targets) {
  const Targets wanted(targets);
  std::vector<CodeReference> found;
  for (const elf::Segment& segment : elf.segments()) {
    const auto code = elf.bytes_of(segment);
    if (!segment.executable || code.size() < kFieldBytes) continue;
    for (std::size_t at = 0; at <= code.size() - kFieldBytes; ++at) {
      std::int32_t value;
      std::memcpy(&value, code.data() + at, sizeof(value));
      const std::uint64_t field = segment.address + at;
      const std::uint64_t relative =
          field + kFieldBytes + static_cast<std::uint64_t>(std::int64_t{value});
      const std::uint64_t absolute = static_cast<std::uint32_t>(value);
      if (wanted.contain(relative)) found.push_back({field, relative});
      if (wanted.contain(absolute)) found.push_back({field, absolute});
      if (found.size() >= kMaxCodeReferences) return found;
    }
  }
  return found;
}

}  // namespace beyla::probes::native
