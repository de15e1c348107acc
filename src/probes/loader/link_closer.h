// Closes links of uprobes beside the control thread: the kernel takes 30 to 80 ms for each (6.18).
// A thread of its own, since close() cannot be polled; all it ever does is closing descriptors.
// Called by the control thread only.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "probes/loader/file_identity.h"

namespace beyla::probes::loader {

class LinkCloser {
 public:
  // Starts the thread, with the signal mask and the powers of the caller. Throws std::system_error
  // where there is no room for one.
  LinkCloser();
  // What still waits is left to the end of the process.
  ~LinkCloser();
  LinkCloser(const LinkCloser&) = delete;
  LinkCloser& operator=(const LinkCloser&) = delete;

  // Never blocks. `binary` comes back from take_closed() once the link is gone.
  void close(base::Fd link, const FileIdentity& binary);
  [[nodiscard]] std::vector<FileIdentity> take_closed();
  // Links that are not gone yet.
  [[nodiscard]] std::size_t waiting();

 private:
  struct Waiting {
    base::Fd link;
    FileIdentity binary;
  };
  void run(const std::stop_token& stop);

  std::mutex mutex_;  // guards the next three
  std::deque<Waiting> waiting_;
  std::vector<FileIdentity> closed_;
  std::size_t being_closed_ = 0;
  std::condition_variable_any news_;
  std::jthread thread_;  // last: it uses all of them
};

}  // namespace beyla::probes::loader
