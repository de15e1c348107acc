#include "export/console/polled_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

namespace beyla::exporters::console {
namespace {

// pipe_poll() reports room once a page is free (fs/pipe.c), so a write of PIPE_BUF does not wait.
constexpr std::size_t kBlockingWriteBytes = 4096;
constexpr std::size_t kWriteBytes = 64 * 1024;  // default capacity of a pipe, pipe(7)

// A new open file description of the same pipe or terminal, whose O_NONBLOCK is ours alone.
base::Fd reopen_nonblocking(int fd) {
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  return base::Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

base::Result<PolledOutput> PolledOutput::make(int fd) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return base::fail_errno(errno, "cannot print traces");
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    base::Fd own = reopen_nonblocking(fd);
    if (own.valid()) return PolledOutput(std::move(own), Kind::nonblocking);
  }
  base::Fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return base::fail_errno(errno, "cannot print traces: dup");
  return PolledOutput(std::move(copy), S_ISSOCK(status.st_mode) ? Kind::socket : Kind::blocking);
}

ssize_t PolledOutput::write_once(std::string_view text) const {
  switch (kind_) {
    case Kind::nonblocking: text = text.substr(0, kWriteBytes); break;
    case Kind::socket:
      text = text.substr(0, kWriteBytes);
      return ::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::blocking: text = text.substr(0, kBlockingWriteBytes); break;
  }
  return ::write(fd_.get(), text.data(), text.size());
}

PolledOutput::Step PolledOutput::write_some(std::string_view text,
                                            std::chrono::milliseconds max_wait) const {
  pollfd room{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
  const int ready = poll(&room, 1, static_cast<int>(max_wait.count()));
  if (ready == 0 || (ready < 0 && errno == EINTR)) return {};
  if (ready < 0) return {.outcome = Outcome::broken};
  const ssize_t count = write_once(text);
  if (count >= 0) return {.outcome = Outcome::written, .bytes = static_cast<std::size_t>(count)};
  if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return {};
  return {.outcome = Outcome::broken};
}

}  // namespace beyla::exporters::console
