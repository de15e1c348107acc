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

// The file of a recording, before anybody writes to it. Who creates it need not be who writes.
class RecordingFile {
 public:
  // Readable by its owner only; refuses to touch one that exists.
  [[nodiscard]] static base::Result<RecordingFile> create(const std::string& path);
  RecordingFile(RecordingFile&&) noexcept = default;
  RecordingFile& operator=(RecordingFile&&) = delete;
  // Removes the file unless it is kept: the start failed.
  ~RecordingFile();

  [[nodiscard]] int fd() const { return fd_.get(); }
  void keep() { fd_.reset(); }

 private:
  RecordingFile(base::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  base::Fd fd_;
  std::string path_;
};

class RecordingWriter {
 public:
  // Takes a file that is open for writing; `name` appears in errors.
  RecordingWriter(base::Fd file, std::string name, std::chrono::nanoseconds wall_offset);

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
  std::vector<std::byte> buffer_;
  std::optional<base::Error> error_;
};

}  // namespace beyla::capture::replay
