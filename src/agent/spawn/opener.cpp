#include "agent/spawn/opener.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "agent/spawn/fd_message.h"
#include "agent/spawn/own_process.h"
#include "agent/spawn/process_setup.h"
#include "agent/spawn/wait_readable.h"

namespace beyla::agent::spawn {
namespace {

constexpr std::chrono::milliseconds kKillTakes{1000};

int close_what_exec_would(int kept) {
  DIR* const listing = ::opendir("/proc/self/fd");
  if (listing == nullptr) return errno;
  std::vector<int> closing;
  while (const dirent* const entry = ::readdir(listing)) {
    const int fd = std::atoi(entry->d_name);  // "." and "..": 0, which stays
    const int flags = fd > STDERR_FILENO && fd != kept ? ::fcntl(fd, F_GETFD) : 0;
    if (flags > 0 && (flags & FD_CLOEXEC) != 0 && fd != ::dirfd(listing)) closing.push_back(fd);
  }
  ::closedir(listing);
  for (const int fd : closing) ::close(fd);
  return 0;
}

void answer(int socket, int error, std::span<const int> fds) {
  // The caller sees the end of the socket when this fails.
  static_cast<void>(send_message(socket, std::as_bytes(std::span(&error, 1)), fds));
}

[[noreturn]] void open_and_answer(const std::string& path, int flags, int socket, pid_t parent) {
  if (!die_with(parent)) ::_exit(1);
  int error = close_what_exec_would(socket);
  const int fd = error == 0 ? ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY) : -1;
  if (error == 0 && fd < 0) error = errno;
  answer(socket, error, error == 0 ? std::span(&fd, 1) : std::span<const int>());
  ::_exit(0);
}

// Between the caller and the process that opens stands one that can always be ended: its death
// kills the other, and what is left of that becomes init's.
[[noreturn]] void stand_between(const std::string& path, int flags, int socket, pid_t caller) {
  reset_signals(StopSignals::end_it);
  if (!die_with(caller)) ::_exit(1);
  const pid_t self = ::getpid();
  const pid_t opener = ::fork();
  if (opener == 0) open_and_answer(path, flags, socket, self);
  if (opener < 0) answer(socket, errno, {});
  ::close(socket);
  if (opener > 0) ::waitpid(opener, nullptr, 0);
  ::_exit(0);
}

base::Result<base::Fd> read_answer(int socket, const std::string& path) {
  int error = 0;
  auto message = receive_message(socket, std::as_writable_bytes(std::span(&error, 1)));
  const bool whole = message && message->bytes == sizeof(error) && !message->cut;
  if (whole && error != 0) return base::fail_errno(error, "cannot open " + path);
  if (!whole || message->fd_count != 1) {
    return base::fail(base::ErrorCode::system,
                      "the process that was to open " + path + " has ended");
  }
  return std::move(message->fds[0]);
}

std::string in_seconds(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

}  // namespace

base::Result<base::Fd> open_with_deadline(const std::string& path, int flags,
                                          std::chrono::milliseconds deadline) {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    return base::fail_errno(errno, "cannot make a socket pair");
  }
  const base::Fd ours(fds[0]);
  base::Fd theirs(fds[1]);
  const pid_t caller = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return base::fail_to_start(errno, "cannot fork to open " + path);
  if (pid == 0) stand_between(path, flags, theirs.get(), caller);
  theirs.reset();
  OwnProcess between(pid);
  if (wait_readable(ours.get(), std::chrono::steady_clock::now() + deadline)) {
    return read_answer(ours.get(), path);
  }
  between.kill();
  between.wait_for(kKillTakes);
  return base::fail(base::ErrorCode::system,
                    path + " did not answer within " + in_seconds(deadline));
}

}  // namespace beyla::agent::spawn
