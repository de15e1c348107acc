// A recording in, its entries out, one by one in constant memory. The bytes are not trusted: every
// length is checked, and what does not fit ends the reading with a word on what and where.
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "capture/replay/recording_format.h"

namespace beyla::capture::replay {

// Fills the front of the buffer; 0: there is no more.
using ByteSource = std::function<base::Result<std::size_t>(std::span<std::byte> buffer)>;

[[nodiscard]] base::Result<base::Fd> open_recording(const std::string& path);
// Reads a file or a pipe that the caller keeps open.
[[nodiscard]] ByteSource read_from(int fd);

struct Entry {
  EntryKind kind = EntryKind::end;
  std::span<const std::byte> payload;  // borrowed until the next call of next()
};

class RecordingReader {
 public:
  // Errors: not a recording, a format or an abi that this build does not read. `name` appears in
  // them.
  [[nodiscard]] static base::Result<RecordingReader> make(ByteSource source, std::string name);

  // Empty behind the last whole entry. Errors: reading failed, or the file is damaged here.
  [[nodiscard]] base::Result<std::optional<Entry>> next();
  // Call behind the end entry. Errors: something follows it.
  [[nodiscard]] base::Result<void> expect_nothing_more();

  [[nodiscard]] std::chrono::nanoseconds wall_offset() const { return wall_offset_; }
  // Bytes from the start of the recording to the end of the last entry.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  RecordingReader(ByteSource source, std::string name)
      : source_(std::move(source)), name_(std::move(name)) {}
  [[nodiscard]] base::Result<void> read_header();
  // False: the recording ends before so many bytes.
  [[nodiscard]] base::Result<bool> fill(std::size_t bytes);
  [[nodiscard]] std::span<const std::byte> available() const;
  [[nodiscard]] std::unexpected<base::Error> damaged(std::string_view what) const;

  ByteSource source_;
  std::string name_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  // of what is not handed out yet, in buffer_
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
  std::chrono::nanoseconds wall_offset_{};
};

}  // namespace beyla::capture::replay
