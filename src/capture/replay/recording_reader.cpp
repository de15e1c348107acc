#include "capture/replay/recording_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/byte_reader.h"
#include "capture/record_decoder.h"

namespace beyla::capture::replay {

using base::ErrorCode;

namespace {

constexpr std::size_t kBufferBytes = 32 * 1024;  // to begin with; grows with the largest entry

// The size that entries of this kind must have; empty: any up to the limit; 0: no such kind.
std::optional<std::size_t> fixed_payload_bytes(std::uint32_t kind) {
  switch (static_cast<EntryKind>(kind)) {
    case EntryKind::event: return std::nullopt;
    case EntryKind::target_change: return sizeof(abi::target_message);
    case EntryKind::tick:
    case EntryKind::end: return sizeof(moment);
  }
  return 0;
}

}  // namespace

base::Result<base::Fd> open_recording(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return base::fail_errno(errno, "cannot read " + path);
  return file;
}

ByteSource read_from(int fd) {
  return [fd](std::span<std::byte> buffer) -> base::Result<std::size_t> {
    while (true) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return base::fail_errno(errno, "cannot read");
    }
  };
}

base::Result<RecordingReader> RecordingReader::make(ByteSource source, std::string name) {
  RecordingReader reader(std::move(source), std::move(name));
  reader.buffer_.resize(kBufferBytes);
  TRY_VOID(reader.read_header());
  return reader;
}

base::Result<void> RecordingReader::read_header() {
  const bool whole = TRY(fill(sizeof(recording_header)));
  const auto header = base::ByteReader(available()).read_struct<recording_header>();
  if (!whole || !header || header->magic != kMagic) {
    return base::fail(ErrorCode::invalid_argument, name_ + ": not a beyla recording");
  }
  if (header->format_version != kFormatVersion) {
    return base::fail(ErrorCode::unsupported,
                      fmt::format("{}: recorded in format {}, this beyla reads {}", name_,
                                  header->format_version, kFormatVersion));
  }
  if (header->abi_version != abi::kAbiVersion) {
    return base::fail(ErrorCode::unsupported,
                      fmt::format("{}: recorded with abi {}, this beyla reads {}", name_,
                                  header->abi_version, static_cast<int>(abi::kAbiVersion)));
  }
  if (header->wall_offset_ns < 0 ||
      !is_plausible_time(static_cast<std::uint64_t>(header->wall_offset_ns))) {
    return damaged("its clock is impossible");
  }
  wall_offset_ = std::chrono::nanoseconds(header->wall_offset_ns);
  begin_ += sizeof(recording_header);
  position_ = sizeof(recording_header);
  return {};
}

base::Result<std::optional<Entry>> RecordingReader::next() {
  const bool has_header = TRY(fill(sizeof(entry_header)));
  if (!has_header) return std::nullopt;
  const auto header = base::ByteReader(available()).read_struct<entry_header>();
  if (!header) return std::nullopt;
  const auto fixed = fixed_payload_bytes(header->kind);
  if (fixed == 0U) return damaged(fmt::format("no kind of entry is {}", header->kind));
  if (header->payload_bytes > kMaxPayloadBytes || (fixed && *fixed != header->payload_bytes)) {
    return damaged(fmt::format("an entry of kind {} cannot have {} bytes", header->kind,
                               header->payload_bytes));
  }
  const std::size_t size = sizeof(entry_header) + header->payload_bytes;
  const bool is_whole = TRY(fill(size));
  if (!is_whole) return std::nullopt;
  const Entry entry{static_cast<EntryKind>(header->kind),
                    available().subspan(sizeof(entry_header), header->payload_bytes)};
  begin_ += size;
  position_ += size;
  return entry;
}

base::Result<void> RecordingReader::expect_nothing_more() {
  const bool more = TRY(fill(1));
  if (more) return damaged("bytes behind the end of the recording");
  return {};
}

base::Result<bool> RecordingReader::fill(std::size_t bytes) {
  while (end_ - begin_ < bytes) {
    if (buffer_.size() - begin_ < bytes) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      if (buffer_.size() < bytes) buffer_.resize(bytes);
    }
    auto got = source_(std::span(buffer_).subspan(end_));
    if (!got) return std::unexpected(std::move(got).error().within(name_));
    if (*got == 0) return false;
    end_ += *got;
  }
  return true;
}

std::span<const std::byte> RecordingReader::available() const {
  return std::span(buffer_).subspan(begin_, end_ - begin_);
}

std::unexpected<base::Error> RecordingReader::damaged(std::string_view what) const {
  return base::fail(ErrorCode::invalid_argument,
                    fmt::format("{}: damaged at byte {}: {}", name_, position_, what));
}

}  // namespace beyla::capture::replay
