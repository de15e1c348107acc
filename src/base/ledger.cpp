#include "base/ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "base/fd.h"

namespace beyla::base {
namespace {

// Against kill -9 the order of our own instructions is all there is: a killed thread's stores are
// in the file's pages, up to some instruction and none behind it. So only the compiler must not
// move a store to another side of this.
void keep_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

void store(std::uint64_t& word, std::uint64_t value) {
  keep_order();
  std::atomic_ref(word).store(value, std::memory_order_release);
  keep_order();
}

// Large enough for the layout, and nothing behind it; nobody can shrink it any more.
Result<void> fit_file(int memfd, std::size_t bytes) {
  struct stat status{};
  if (::fstat(memfd, &status) != 0) return fail_errno(errno, "cannot use the ledger's file");
  const auto wanted = static_cast<off_t>(bytes);
  if (status.st_size < wanted && ::ftruncate(memfd, wanted) != 0) {
    return fail_errno(errno, "cannot grow the ledger's file");
  }
  // Refused where it is sealed already, or no memfd. Then the size must do.
  static_cast<void>(::fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL));
  if (::fstat(memfd, &status) != 0) return fail_errno(errno, "cannot use the ledger's file");
  if (status.st_size < wanted) return fail(ErrorCode::system, "the ledger's file has shrunk");
  if (status.st_size > wanted) {
    static_cast<void>(::fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, wanted,
                                  status.st_size - wanted));
  }
  return {};
}

void make_zero(std::span<std::byte> bytes) { std::memset(bytes.data(), 0, bytes.size()); }

std::vector<std::span<std::byte>> regions_of(const LedgerLayout& layout, const MemoryMap& map) {
  std::vector<std::span<std::byte>> regions;
  regions.reserve(layout.region_offsets.size());
  for (std::size_t i = 0; i < layout.region_offsets.size(); ++i) {
    regions.push_back(map.bytes().subspan(layout.region_offsets[i], layout.shape.region_bytes[i]));
  }
  return regions;
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(int memfd, std::span<const std::size_t> region_bytes) {
  const LedgerLayout layout = TRY(LedgerLayout::make(region_bytes));
  TRY_VOID(fit_file(memfd, layout.file_bytes));
  std::unique_ptr<Ledger> ledger(
      new Ledger(layout, TRY(MemoryMap::make_shared(memfd, layout.file_bytes))));
  if (!ledger->resume(layout)) TRY_VOID(ledger->lay_out(memfd, layout));
  return ledger;
}

Result<std::unique_ptr<Ledger>> Ledger::make_private(std::span<const std::size_t> region_bytes) {
  const Fd memfd(::memfd_create("beyla ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd.valid()) return fail_errno(errno, "cannot create the ledger's file");
  return open(memfd.get(), region_bytes);
}

Ledger::Ledger(const LedgerLayout& layout, MemoryMap map)
    : map_(std::move(map)),
      regions_(regions_of(layout, map_)),
      log_(regions_, map_.bytes().subspan(layout.log_offset, layout.log_bytes)) {}

LedgerFrame& Ledger::frame() {
  return *std::launder(reinterpret_cast<LedgerFrame*>(map_.bytes().data()));
}

bool Ledger::resume(const LedgerLayout& layout) {
  if (frame().shape != layout.shape || frame().has_commits > 1) return false;
  const std::uint64_t log_bytes = frame().log_bytes;
  if (!log_.is_valid(log_bytes)) return false;
  if (log_bytes > 0) apply(log_bytes);
  log_.release();
  resumed_ = frame().has_commits == 1;
  return true;
}

// Killed in between it leaves a shape that is not ours: as if empty, again.
Result<void> Ledger::lay_out(int memfd, const LedgerLayout& layout) {
  store(frame().shape.magic, 0);  // the order in which the kernel wipes is not promised
  if (::fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  static_cast<off_t>(layout.file_bytes)) != 0) {
    return fail_errno(errno, "cannot wipe the ledger's file");
  }
  frame().shape = layout.shape;
  return {};
}

void Ledger::wipe(std::size_t region, std::size_t offset, std::size_t end) {
  const std::lock_guard lock(applying_);
  // A region begins with a page.
  const std::size_t first_page = std::min(end, in_ledger_pages(offset));
  const std::size_t last_page = std::max(first_page, end / kLedgerPageBytes * kLedgerPageBytes);
  const auto pages = regions_[region].subspan(first_page, last_page - first_page);
  make_zero(regions_[region].subspan(offset, first_page - offset));
  make_zero(regions_[region].subspan(last_page, end - last_page));
  if (!pages.empty() && ::madvise(pages.data(), pages.size(), MADV_REMOVE) != 0) {
    make_zero(pages);
  }
}

void Ledger::commit() {
  if (log_.size() == 0) return;
  store(frame().log_bytes, log_.size());  // from here on it is done, whoever does it
  {
    const std::lock_guard lock(applying_);
    apply(log_.size());
  }
  const bool is_large = log_.size() > kKeptLogBytes;
  log_.clear();
  if (is_large) log_.release();
}

void Ledger::apply(std::size_t log_bytes) {
  log_.apply(log_bytes);
  frame().has_commits = 1;
  store(frame().log_bytes, 0);
}

}  // namespace beyla::base
