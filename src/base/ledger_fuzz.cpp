#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "base/fd.h"
#include "base/ledger.h"

namespace {

using beyla::base::Ledger;

constexpr std::array<std::size_t, 3> kRegions = {64, 5000, 8};
constexpr std::uint64_t kMark = 0x1122'3344'5566'7788;

// Any content of the file leads to regions that can be read, and written.
void use(int fd) {
  const auto ledger = Ledger::open(fd, kRegions);
  if (!ledger) __builtin_trap();
  unsigned sum = 0;
  for (std::size_t i = 0; i < kRegions.size(); ++i) {
    if ((*ledger)->committed(i).size() != kRegions[i]) __builtin_trap();
    for (const std::byte byte : (*ledger)->committed(i)) sum += static_cast<unsigned>(byte);
  }
  if (!(*ledger)->resumed() && sum != 0) __builtin_trap();
  (*ledger)->stage(1, 4990, std::as_bytes(std::span(&kMark, 1)));
  (*ledger)->commit();
}

}  // namespace

// The first byte's lowest bit chooses: the file's bytes, or those of frame and log in a file that
// is laid out right, so that the log is what is fuzzed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_log = (*data & 1U) != 0;
  const beyla::base::Fd file(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto write_at = [&](const void* bytes, std::size_t count, std::size_t offset) {
    if (::pwrite(file.get(), bytes, count, static_cast<off_t>(offset)) < 0) __builtin_trap();
  };
  if (is_log) {
    const auto layout = beyla::base::LedgerLayout::make(kRegions);
    beyla::base::LedgerFrame frame{layout->shape, 1, size - 1};
    write_at(&frame, sizeof(frame), 0);
    write_at(data + 1, size - 1, layout->log_offset);
  } else {
    write_at(data + 1, size - 1, 0);
  }
  use(file.get());
  const auto again = Ledger::open(file.get(), kRegions);
  std::uint64_t mark = 0;
  std::memcpy(&mark, (*again)->committed(1).subspan(4990).data(), sizeof(mark));
  if (!(*again)->resumed() || mark != kMark) __builtin_trap();
  return 0;
}
