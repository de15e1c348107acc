// What the spawner can start, and under which limits: constant data, fixed before the first fork.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::spawn {

enum class ChildRole : std::uint32_t { config_worker = 1, processor = 2, elf_worker = 3 };

// 0: no limit of ours. They hold against an accident and a hang; code that an attacker runs can
// stop its alarm unless its seccomp filter says no, so the broker keeps a deadline of its own.
struct ChildLimits {
  std::chrono::seconds wall{0};   // then SIGALRM
  std::chrono::seconds cpu{0};    // RLIMIT_CPU: then SIGXCPU, a second later SIGKILL
  std::size_t address_space = 0;  // RLIMIT_AS, bytes
};

// Runs in the child, which has stdio (stdin is /dev/null), the channel and the files, in the order
// sent, and no other descriptor. Returns the exit code. SIGINT, SIGTERM and SIGHUP are ignored,
// every other signal has its default action: SIGPIPE, too.
using ChildMain = int (*)(base::Fd channel, std::vector<base::Fd> files);

struct RoleEntry {
  ChildRole role;
  const char* name;  // the process's name: at most 15 bytes (PR_SET_NAME)
  ChildMain main;
  ChildLimits limits;
  // Last step before main. REQUIRES: leaves uid, gid and capabilities alone, as changing them would
  // clear the parent-death signal (prctl(2)); they are the spawner's already.
  base::Result<void> (*secure)();
};

struct SpawnHooks {
  // In the spawner, before its first request. What it forbids is forbidden to the children: these
  // need fork, wait4, poll, sendmsg, recvmsg, close, close_range, read (signalfd), kill; and in a
  // child rt_sigaction, rt_sigprocmask, prctl(PR_SET_NAME, PR_SET_PDEATHSIG), getppid, prlimit64,
  // alarm.
  std::function<base::Result<void>()> secure_spawner;
};

constexpr int kExitUnprepared =
    121;  // a child's exit code: limits or secure() failed, main never ran

}  // namespace beyla::agent::spawn
