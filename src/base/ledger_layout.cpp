#include "base/ledger_layout.h"

#include "base/redo_log.h"

namespace beyla::base {
namespace {

constexpr std::uint64_t kMagic = 0x7265'6764'656c'7962;  // "byledger"
constexpr std::uint32_t kVersion = 1;                    // of LedgerFrame and RedoEntry

}  // namespace

Result<LedgerLayout> LedgerLayout::make(std::span<const std::size_t> region_bytes) {
  if (region_bytes.empty() || region_bytes.size() > kMaxLedgerRegions) {
    return fail(ErrorCode::invalid_argument, "a ledger of no regions, or too many");
  }
  LedgerLayout layout;
  layout.shape = {kMagic, kVersion, static_cast<std::uint32_t>(region_bytes.size()), {}};
  std::size_t end = kLedgerPageBytes;
  std::size_t pages = 0;
  for (std::size_t i = 0; i < region_bytes.size(); ++i) {
    if (region_bytes[i] > kMaxLedgerBytes) {
      return fail(ErrorCode::invalid_argument, "a ledger too large");
    }
    layout.shape.region_bytes[i] = region_bytes[i];
    layout.region_offsets.push_back(end);
    end += in_ledger_pages(region_bytes[i]);
    pages += in_ledger_pages(region_bytes[i]) / kLedgerPageBytes;
  }
  layout.log_offset = end;
  layout.log_bytes = in_ledger_pages(RedoLog::room_for(pages));
  layout.file_bytes = layout.log_offset + layout.log_bytes;
  if (layout.file_bytes > kMaxLedgerBytes) {
    return fail(ErrorCode::invalid_argument, "a ledger too large");
  }
  return layout;
}

}  // namespace beyla::base
