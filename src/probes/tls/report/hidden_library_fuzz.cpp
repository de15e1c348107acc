// Input: which of two small libraries, and changes (where, what) to it. What is found lies in code,
// and has a name.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>

#include "base/byte_reader.h"
#include "probes/tls/report/hidden_library.h"
#include "probes/tls/report/small_library_test.h"
#include "probes/tls/report/wanted_functions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace beyla::probes;
  static const std::vector kLibraries = {tls::testing::SmallLibrary::openssl(),
                                         tls::testing::SmallLibrary::boringssl()};
  beyla::base::ByteReader reader(std::as_bytes(std::span(data, size)));
  auto file = kLibraries[reader.read_u8().value_or(0) % 2];
  struct Change {
    std::uint16_t where;
    std::uint8_t what[4];
  };
  bool changed = false;
  while (const auto change = reader.read_struct<Change>()) {
    std::memcpy(file.data() + change->where % (file.size() - sizeof(change->what)), change->what,
                sizeof(change->what));
    changed = true;
  }
  const auto elf = elf::ElfFile::read(file);
  if (!elf) return 0;
  const auto found = tls::find_hidden_library(*elf);
  if (!changed && (!found || !*found)) std::abort();
  if (!found || !*found) return 0;
  for (const auto& [name, function] : **found) {
    if (!elf->is_code(function.address, function.bytes) ||
        std::ranges::find(tls::kWantedFunctions, name, &tls::WantedFunction::name) ==
            tls::kWantedFunctions.end()) {
      std::abort();
    }
  }
  return 0;
}
