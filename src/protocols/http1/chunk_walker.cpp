#include "protocols/http1/chunk_walker.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

namespace beyla::protocols::http1 {
namespace {

constexpr unsigned kHexDigitBits = 4;
constexpr std::size_t kMaxSizeDigits = 16;  // more would not fit into 64 bits

std::optional<std::uint64_t> hex_value(unsigned char octet) {
  constexpr unsigned kLetterValue = 10;
  if (octet >= '0' && octet <= '9') return octet - static_cast<unsigned>('0');
  if (octet >= 'a' && octet <= 'f') return octet - static_cast<unsigned>('a') + kLetterValue;
  if (octet >= 'A' && octet <= 'F') return octet - static_cast<unsigned>('A') + kLetterValue;
  return std::nullopt;
}

}  // namespace

std::size_t ChunkWalker::feed(std::span<const std::byte> bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && state_ != State::done && state_ != State::lost) {
    if (state_ == State::data) {
      const auto count = std::min<std::uint64_t>(remaining_, bytes.size() - used);
      skip(count);
      used += static_cast<std::size_t>(count);
      continue;
    }
    step(std::to_integer<unsigned char>(bytes[used]));
    ++used;
  }
  return used;
}

void ChunkWalker::skip(std::uint64_t length) {
  if (length == 0 || state_ == State::done) return;
  if (state_ != State::data || length > remaining_) {
    state_ = State::lost;
    return;
  }
  remaining_ -= length;
  if (remaining_ == 0) state_ = State::data_end;
}

bool ChunkWalker::tells(char octet) const {
  constexpr std::string_view kBehindSize = "; \t";
  if (state_ != State::size) return false;
  return hex_value(static_cast<unsigned char>(octet)) || kBehindSize.contains(octet);
}

void ChunkWalker::step(unsigned char octet) {
  switch (state_) {
    case State::size: on_size(octet); break;
    case State::extension:
      if (octet == '\n') {
        on_size_line_end();
      } else if (++line_bytes_ > kMaxChunkLineBytes) {
        state_ = State::lost;
      }
      break;
    case State::size_end: octet == '\n' ? on_size_line_end() : void(state_ = State::lost); break;
    case State::data_end:
      if (octet == '\r') {
        state_ = State::data_end_lf;
        break;
      }
      [[fallthrough]];
    case State::data_end_lf: octet == '\n' ? next_line() : void(state_ = State::lost); break;
    case State::trailer: on_trailer(octet); break;
    case State::data:
    case State::done:
    case State::lost: break;
  }
}

void ChunkWalker::on_size(unsigned char octet) {
  if (const auto value = hex_value(octet)) {
    if (++digits_ > kMaxSizeDigits) {
      state_ = State::lost;
      return;
    }
    size_ = (size_ << kHexDigitBits) | *value;
    return;
  }
  if (digits_ == 0) {
    state_ = State::lost;
  } else if (octet == '\n') {
    on_size_line_end();
  } else if (octet == '\r') {
    state_ = State::size_end;
  } else if (octet == ';' || octet == ' ' || octet == '\t') {
    state_ = State::extension;
  } else {
    state_ = State::lost;
  }
}

void ChunkWalker::on_size_line_end() {
  if (size_ > std::numeric_limits<std::uint64_t>::max() - decoded_) {
    state_ = State::lost;
    return;
  }
  decoded_ += size_;
  remaining_ = size_;
  state_ = size_ == 0 ? State::trailer : State::data;
}

void ChunkWalker::next_line() {
  state_ = State::size;
  size_ = 0;
  digits_ = 0;
  line_bytes_ = 0;
}

void ChunkWalker::on_trailer(unsigned char octet) {
  if (++trailer_bytes_ > kMaxTrailerBytes) {
    state_ = State::lost;
  } else if (octet == '\n') {
    if (trailer_line_empty_) state_ = State::done;
    trailer_line_empty_ = true;
  } else if (octet != '\r') {
    trailer_line_empty_ = false;
  }
}

}  // namespace beyla::protocols::http1
