#include "agent/spawn/child_process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "agent/spawn/process_setup.h"

namespace beyla::agent::spawn {
namespace {

base::Result<void> prepare(const RoleEntry& role, pid_t spawner, const base::Fd& channel,
                           const std::vector<base::Fd>& files) {
  reset_signals(StopSignals::ignored);
  TRY_VOID(die_with(spawner));
  ::prctl(PR_SET_NAME, role.name);
  std::vector<int> kept{channel.get()};
  for (const base::Fd& file : files) kept.push_back(file.get());
  TRY_VOID(close_fds_but(kept));
  TRY_VOID(apply_limits(role.limits));
  return role.secure();
}

}  // namespace

void run_child(const RoleEntry& role, pid_t spawner, base::Fd channel,
               std::vector<base::Fd> files) noexcept {
  if (const auto prepared = prepare(role, spawner, channel, files); !prepared) {
    const base::Error& error = prepared.error();
    if (error.os_errno != ESRCH) {  // else nobody waits for this child any more
      ::dprintf(STDERR_FILENO, "%s cannot start: %s\n", role.name, error.message().c_str());
    }
    ::_exit(kExitUnprepared);
  }
  const int code = role.main(std::move(channel), std::move(files));
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace beyla::agent::spawn
