// Says which files have been written to: of a library that is not mapped yet, points are proven for
// bytes that may be others by the time it is. Control thread only.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "probes/loader/file_identity.h"

namespace beyla::broker {

class FileWatch {
 public:
  using File = probes::loader::FileIdentity;

  [[nodiscard]] static base::Result<FileWatch> make();

  // From now on. The descriptor is borrowed during the call. Errors: no more watches are to be had.
  [[nodiscard]] base::Result<void> add(int file, const File& identity);
  // Those that were written since they were added; they are watched no more. Where changes were
  // lost: all. Never blocks.
  [[nodiscard]] std::vector<File> take_written();
  // Readable when there is something to take.
  [[nodiscard]] int fd() const { return inotify_.get(); }

 private:
  explicit FileWatch(base::Fd inotify) : inotify_(std::move(inotify)) {}

  base::Fd inotify_;
  std::unordered_map<int, File> by_watch_;
};

}  // namespace beyla::broker
