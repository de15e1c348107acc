#include "base/redo_log.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "base/byte_reader.h"
#include "base/ledger_layout.h"

namespace beyla::base {
namespace {

constexpr std::size_t kMaxEntryBytes = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kPageEntryBytes = sizeof(RedoEntry) + kLedgerPageBytes;

}  // namespace

std::size_t RedoLog::room_for(std::size_t region_pages) {
  return 2 * std::max<std::size_t>(region_pages, 1) * kPageEntryBytes;
}

void RedoLog::append(std::size_t region, std::size_t offset, std::span<const std::byte> bytes) {
  static_cast<void>(regions_[region].subspan(offset, bytes.size()));  // the library asserts
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMaxEntryBytes);
    append_entry(region, offset, bytes.first(count));
    offset += count;
    bytes = bytes.subspan(count);
  }
}

void RedoLog::append_entry(std::size_t region, std::size_t offset,
                           std::span<const std::byte> bytes) {
  if (room_.size() - used_ < sizeof(RedoEntry) + bytes.size()) compact();
  const RedoEntry entry{static_cast<std::uint32_t>(region),
                        static_cast<std::uint32_t>(bytes.size()), offset};
  std::memcpy(&room_[used_], &entry, sizeof(entry));
  std::memcpy(&room_[used_ + sizeof(entry)], bytes.data(), bytes.size());
  used_ += sizeof(entry) + bytes.size();
}

template <typename Visit>
bool RedoLog::visit(std::size_t bytes, Visit&& visit) const {
  if (bytes > room_.size()) return false;
  ByteReader reader(room_.first(bytes));
  while (reader.remaining() > 0) {
    const auto entry = reader.read_struct<RedoEntry>();
    if (!entry || entry->region >= regions_.size()) return false;
    const std::span<std::byte> region = regions_[entry->region];
    const auto content = reader.read_bytes(entry->bytes);
    if (!content || entry->offset > region.size()) return false;
    if (content->size() > region.size() - entry->offset) return false;
    visit(*entry, *content);
  }
  return true;
}

bool RedoLog::is_valid(std::size_t bytes) const {
  return visit(bytes, [](const RedoEntry&, std::span<const std::byte>) {});
}

void RedoLog::apply(std::size_t bytes) const {
  const bool whole = visit(bytes, [&](const RedoEntry& entry, std::span<const std::byte> content) {
    if (content.empty()) return;
    std::memcpy(&regions_[entry.region][entry.offset], content.data(), content.size());
  });
  assert(whole);
  static_cast<void>(whole);
}

void RedoLog::compact() {
  struct Page {
    std::size_t size = 0;
    std::array<std::byte, kLedgerPageBytes> bytes;
  };
  std::map<std::pair<std::size_t, std::size_t>, Page> pages;  // by region and offset
  const bool whole = visit(used_, [&](const RedoEntry& entry, std::span<const std::byte> content) {
    const std::span<std::byte> region = regions_[entry.region];
    for (std::size_t at = entry.offset; !content.empty();) {
      const std::size_t within = at % kLedgerPageBytes;
      const auto [page, is_new] = pages.try_emplace({entry.region, at - within});
      Page& copy = page->second;
      if (is_new) {
        copy.size = std::min(kLedgerPageBytes, region.size() - (at - within));
        std::memcpy(copy.bytes.data(), &region[at - within], copy.size);
      }
      const std::size_t count = std::min(content.size(), kLedgerPageBytes - within);
      std::memcpy(&copy.bytes[within], content.data(), count);
      at += count;
      content = content.subspan(count);
    }
  });
  assert(whole);
  static_cast<void>(whole);
  used_ = 0;
  for (const auto& [place, page] : pages) {
    append_entry(place.first, place.second, std::span(page.bytes).first(page.size));
  }
}

void RedoLog::release() const {
  // Where it fails there is only memory to lose.
  static_cast<void>(::madvise(room_.data(), room_.size(), MADV_REMOVE));
}

}  // namespace beyla::base
