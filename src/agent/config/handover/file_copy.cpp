#include "agent/config/handover/file_copy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/wait_readable.h"

namespace beyla::agent::config {

using base::Error;
using base::ErrorCode;
using base::fail_errno;
using base::Fd;
using base::Result;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kKillGrace{300};
constexpr int kMostDescriptors = 4096;  // looked at: ours are the first free ones

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// 0, or errno. Async-signal-safe, as the rest of what the child calls.
int write_all(int fd, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return 0;
}

int copy_file(const char* path, int memfd) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return errno;
  std::array<char, 16 * 1024> chunk{};
  for (std::size_t left = kMaxConfigBytes + 1; left > 0;) {
    const ssize_t got = ::read(file, chunk.data(), std::min(left, chunk.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    const auto bytes = std::span(chunk).first(static_cast<std::size_t>(got));
    if (const int failed = write_all(memfd, bytes); failed != 0) return failed;
    left -= bytes.size();
  }
  return 0;
}

// The child may stay for as long as the file system likes: nobody shall wait for it. The
// descriptors may be any, if the operator closed the standard ones.
[[noreturn]] void run_child(const char* path, int memfd, int report, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it had ended before
  // What the operator handed over stays: the path may be /dev/fd/63. Ours would keep the spawner
  // waiting, and whoever reads our output.
  for (int fd = STDOUT_FILENO; fd < kMostDescriptors; ++fd) {
    if (fd == memfd || fd == report) continue;
    const int flags = fd > STDERR_FILENO ? ::fcntl(fd, F_GETFD) : FD_CLOEXEC;
    if (flags > 0 && (flags & FD_CLOEXEC) != 0) ::close(fd);
  }
  const int outcome = copy_file(path, memfd);
  const auto bytes = std::as_bytes(std::span(&outcome, 1));
  const auto written = ::write(report, bytes.data(), bytes.size());
  ::_exit(written == static_cast<ssize_t>(bytes.size()) ? 0 : 1);
}

// Its close() of the file may wait, too, and a signal may not end that.
void end_child(pid_t child, steady_clock::time_point deadline) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!handle.valid() || base::wait_readable(handle.get(), deadline) != 0) {
    ::kill(child, SIGKILL);
    static_cast<void>(base::wait_readable(handle.get(), steady_clock::now() + kKillGrace));
  }
  ::waitpid(child, nullptr, WNOHANG);
}

// 0, or errno of what the child could not do; ETIMEDOUT.
int outcome_of(int report, steady_clock::time_point deadline) {
  if (const int unreadable = base::wait_readable(report, deadline); unreadable != 0)
    return unreadable;
  int outcome = 0;
  const ssize_t got = ::read(report, &outcome, sizeof(outcome));
  return got == sizeof(outcome) ? outcome : EIO;
}

}  // namespace

Error unreadable_config(const std::string& path, int os_errno) {
  return Error{ErrorCode::invalid_argument, os_errno, "cannot read config file " + path};
}

Result<Fd> copy_config_file(const std::string& path, steady_clock::time_point deadline) {
  Fd memfd(::memfd_create("beyla_config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd.valid()) return fail_errno(errno, "cannot make a memfd for the configuration");
  Pipe report = TRY(make_pipe());
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return base::fail_to_start(errno, "cannot fork to read the configuration");
  if (child == 0) run_child(path.c_str(), memfd.get(), report.write_end.get(), self);
  report.write_end.reset();
  const int outcome = outcome_of(report.read_end.get(), deadline);
  end_child(child, outcome == ETIMEDOUT ? steady_clock::time_point{} : deadline);
  if (outcome == ETIMEDOUT) {
    return base::fail(ErrorCode::invalid_argument,
                      unreadable_config(path, 0).context + ": nothing answers there");
  }
  if (outcome != 0) return std::unexpected(unreadable_config(path, outcome));
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(memfd.get(), F_ADD_SEALS, kSeals) != 0 || ::lseek(memfd.get(), 0, SEEK_SET) != 0) {
    return fail_errno(errno, "cannot seal the configuration");
  }
  return memfd;
}

}  // namespace beyla::agent::config
