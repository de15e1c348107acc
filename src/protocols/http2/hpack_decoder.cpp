#include "protocols/http2/hpack_decoder.h"

#include "protocols/http2/hpack_block.h"
#include "protocols/http2/hpack_table.h"

namespace beyla::protocols::http2 {

HpackDecoder::HpackDecoder(const HeaderSelection& wanted)
    : wanted_(&wanted), max_table_bytes_(kMaxTableBytes) {}
HpackDecoder::~HpackDecoder() = default;
HpackDecoder::HpackDecoder(HpackDecoder&&) noexcept = default;
HpackDecoder& HpackDecoder::operator=(HpackDecoder&&) noexcept = default;

bool HpackDecoder::decode(std::span<const std::byte> block, HeaderFieldSink& sink) {
  HpackBlock walk(block, *wanted_, table_, max_table_bytes_, sink);
  if (walk.walk()) return true;
  forget();
  return false;
}

void HpackDecoder::forget() {
  if (table_ != nullptr) table_->forget();
}

std::size_t HpackDecoder::memory_bytes() const {
  return table_ == nullptr ? 0 : table_->memory_bytes();
}

}  // namespace beyla::protocols::http2
