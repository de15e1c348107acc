// Entries in, a file out (recording_format.h). Bytes wait in a buffer until it is full or flush()
// is called. After the first failed write nothing more is written: what is there stays replayable.
// One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "capture/replay/recording_format.h"

namespace beyla::capture::replay {

class RecordingWriter {
 public:
  // Creates the file, readable by its owner only; refuses to touch one that exists.
  [[nodiscard]] static base::Result<RecordingWriter> create(const std::string& path,
                                                            std::chrono::nanoseconds wall_offset);
  // Takes a file that is open for writing; `name` appears in errors.
  RecordingWriter(base::Fd file, std::string name, std::chrono::nanoseconds wall_offset);
  RecordingWriter(RecordingWriter&&) noexcept = default;
  RecordingWriter& operator=(RecordingWriter&&) = delete;
  // Removes a file that create() made and nothing was appended to: the start failed.
  ~RecordingWriter();

  // REQUIRES: payload.size() <= kMaxPayloadBytes.
  void append(EntryKind kind, std::span<const std::byte> payload);
  void flush();
  // Flushes and closes; nothing may be appended afterwards.
  void finish();

  // The first write that failed: from then on the recording has ended.
  [[nodiscard]] const std::optional<base::Error>& error() const { return error_; }

 private:
  void put(std::span<const std::byte> bytes);
  void fail(int os_errno);

  base::Fd file_;
  std::string name_;
  bool is_new_ = false;  // made by create(), nothing was appended yet
  std::vector<std::byte> buffer_;
  std::optional<base::Error> error_;
};

}  // namespace beyla::capture::replay
