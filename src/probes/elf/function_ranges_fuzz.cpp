// Input: changes (where, what) to .eh_frame of this very program. What is found stays in order.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "base/byte_reader.h"
#include "probes/elf/function_ranges.h"

namespace {

using namespace beyla::probes::elf;

constexpr std::uint64_t kChangedBytes = 4096;

std::string content() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Change {
  std::uint16_t where;
  std::uint8_t what[6];
};

void check(const FunctionRanges& ranges) {
  if (!std::ranges::is_sorted(ranges.all(), {}, &FunctionRange::address)) std::abort();
  for (const FunctionRange& range : ranges.all()) {
    if (range.bytes == 0 || range.end() < range.address) std::abort();
    const auto found = ranges.around(range.address);
    if (found && !found->contains(range.address)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::string file = content();
  const auto bytes = std::as_bytes(std::span(file));
  static const auto section = ElfFile::read(bytes)->section(".eh_frame").value();
  static const auto begin = ElfFile::read(bytes)->file_offset(section.address, 1).value();
  static const std::string original = file.substr(begin, kChangedBytes + sizeof(Change));
  beyla::base::ByteReader reader(std::as_bytes(std::span(data, size)));
  while (const auto change = reader.read_struct<Change>()) {
    std::memcpy(file.data() + begin + change->where % kChangedBytes, change->what,
                sizeof(change->what));
  }
  check(FunctionRanges(*ElfFile::read(bytes)));
  file.replace(begin, original.size(), original);
  return 0;
}
