#include "agent/broker/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace beyla::broker {

base::Result<FileWatch> FileWatch::make() {
  base::Fd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) return base::fail_errno(errno, "cannot watch files");
  return FileWatch(std::move(inotify));
}

base::Result<void> FileWatch::add(int file, const File& identity) {
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
  if (watch < 0) return base::fail_errno(errno, "cannot watch a library");
  by_watch_.insert_or_assign(watch, identity);
  return {};
}

std::vector<FileWatch::File> FileWatch::take_written() {
  std::vector<File> written;
  std::array<std::byte, 4096> buffer{};
  while (true) {
    const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return written;
    for (std::size_t at = 0; std::cmp_less_equal(at + sizeof(inotify_event), got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      at += sizeof(event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        for (const auto& [watch, file] : by_watch_) written.push_back(file);
        by_watch_.clear();
      }
      const auto found = by_watch_.find(event.wd);
      if (found == by_watch_.end()) continue;
      const bool is_gone = (event.mask & IN_IGNORED) != 0;  // the file, and the watch with it
      if (!is_gone) written.push_back(found->second);
      by_watch_.erase(found);
      if (!is_gone) ::inotify_rm_watch(inotify_.get(), event.wd);
    }
  }
}

}  // namespace beyla::broker
