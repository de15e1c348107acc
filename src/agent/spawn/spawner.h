// The broker's handle on the spawner: a process forked before anything else, whose memory is clean
// and which has no powers; every child is its fork. One thread: the broker's. Destroying the handle
// ends the spawner and by its death every child, without a chance to clean up.
//
// When an error carries EPIPE the spawner is gone, all children with it; nothing but a restart of
// the broker helps. Any other error of spawn() concerns one child only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "agent/spawn/own_process.h"
#include "agent/spawn/roles.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::spawn {

struct ChildExit {
  std::uint64_t id = 0;
  pid_t pid = 0;  // for people; it may be another process's by now
  int exit_code = 0;
  int signal = 0;  // 0: ended by exit
  std::chrono::nanoseconds cpu_time{0};
};

class Spawner {
 public:
  // Forks, and waits until the spawner is secured, 5 s at most. The roles are copied.
  // REQUIRES: one thread, which outlives the handle: the spawner dies with it. Closed stdio is
  // opened on /dev/null, in this process.
  [[nodiscard]] static base::Result<Spawner> start(std::span<const RoleEntry> roles,
                                                   const SpawnHooks& hooks);

  struct Child {
    std::uint64_t id = 0;  // never used again
    pid_t pid = 0;         // for people
    base::Fd channel;      // SOCK_SEQPACKET, blocking, close-on-exec; its end: the child has ended
  };
  // Borrows the files during the call. Waits for the answer, 2 s at most; after that the child,
  // should it come to life, is killed, and its exit is reported like any other's. Refused: no such
  // role, kMaxChildren live (or their exits unread), fork failed (os_errno). That a child was
  // started does not say that it could be secured: else its exit code is kExitUnprepared.
  [[nodiscard]] base::Result<Child> spawn(ChildRole role, std::span<const int> files);

  // SIGKILL. Unknown or ended: nothing. A child in an uninterruptible wait (a FUSE server that took
  // a request and does not answer) ends, and is reported, only after that: do not wait for it.
  void kill(std::uint64_t id);

  // Readable: read_exit() has something to say.
  [[nodiscard]] int fd() const { return exits_.get(); }
  // nullopt: nothing more for now. Never blocks.
  [[nodiscard]] base::Result<std::optional<ChildExit>> read_exit();

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  // Requests that the spawner has refused, as of its last answer.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  Spawner(OwnProcess process, base::Fd control, base::Fd exits)
      : process_(std::move(process)), control_(std::move(control)), exits_(std::move(exits)) {}

  base::Result<void> await_hello();
  base::Result<pid_t> await_answer(std::uint64_t id);

  OwnProcess process_;  // waited for after both sockets are closed
  base::Fd control_;
  base::Fd exits_;
  std::uint64_t next_id_ = 1;
  std::uint64_t refused_ = 0;
};

}  // namespace beyla::agent::spawn
