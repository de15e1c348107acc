#include "probes/tls/report/source_file.h"

#include "probes/elf/text_search.h"

namespace beyla::probes::tls {
namespace {

bool is_of_path(std::byte byte) {
  constexpr std::string_view kOthers = "/._-+~@ ";
  const auto letter = static_cast<char>(byte);
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || kOthers.contains(letter);
}

}  // namespace

std::vector<std::uint64_t> find_source_paths(const elf::ElfFile& elf, std::string_view name) {
  std::vector<std::uint64_t> places;
  for (const std::uint64_t place : elf::find_text(elf, name)) {
    places.push_back(place);
    for (std::uint64_t bytes = 1; bytes <= kMaxSourcePathBytes; ++bytes) {
      const auto before = elf.bytes_at(place - bytes, 1);
      if (before.empty() || !is_of_path(before.front())) break;
      places.push_back(place - bytes);
    }
  }
  return places;
}

}  // namespace beyla::probes::tls
