#include "probes/elf/text_search.h"

#include <cstring>
#include <string>

namespace beyla::probes::elf {

std::vector<std::uint64_t> find_text(const ElfFile& elf, std::string_view text) {
  const std::string wanted = std::string(text) + '\0';
  std::vector<std::uint64_t> places;
  for (const Segment& segment : elf.segments()) {
    const auto bytes = elf.bytes_of(segment);
    for (auto rest = bytes; places.size() < kMaxTextPlaces;) {
      // Ten times as fast as std::string_view::find().
      const auto* const found = static_cast<const std::byte*>(
          ::memmem(rest.data(), rest.size(), wanted.data(), wanted.size()));
      if (found == nullptr) break;
      const auto at = static_cast<std::size_t>(found - bytes.data());
      places.push_back(segment.address + at);
      rest = bytes.subspan(at + 1);
    }
  }
  return places;
}

}  // namespace beyla::probes::elf
