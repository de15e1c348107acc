// Which system calls a role may make: allow-lists by libseccomp. Any other call answers EPERM, and
// a call by another architecture's number (32 bit, x32) kills the process. Filters are inherited
// and stack: a child of the spawner may do what both lists allow, so the spawner's holds its
// children's.
//
// Nobody: exec, ptrace, other processes' memory, pidfds, mount, setns, unshare, keyctl, kernel
// modules, io_uring, userfaultfd, perf events, BPF programs, executable memory, files opened for
// writing, AF_PACKET/AF_NETLINK/AF_VSOCK sockets, signals to others. Exceptions by role:
//   broker         links and iterators of programs already loaded, AF_UNIX sockets, memfds
//   spawner        fork, SIGKILL to any process that the uid allows (pids cannot be filtered)
//   processor      threads, values of BPF maps, accepting, reading files; options below
//   config_worker  nothing: descriptors it has, memory, its channel
//   elf_worker     less: mapping and reading what it has, sending, memory
//
// Call it last, after become_nobody(), harden_process(), Landlock, limits. Before it: whatever
// opens files lazily. For the logger's local time that is ::tzset() (/etc/localtime), for a
// reopened stdout PolledOutput::make(). iconv, locales and NSS modules cannot be loaded any more
// (no executable memory), getaddrinfo() does without AF_NETLINK. glibc 2.36 .. 2.42 and the
// sanitizers' runtimes are provided for, except LeakSanitizer, which wants ptrace: end with _exit()
// or detect_leaks=0. gcov cannot write its files.
#pragma once

#include "base/result.h"

namespace beyla::agent::privileges {

enum class Role { broker, spawner, processor, config_worker, elf_worker };

struct SyscallOptions {
  // Processor: TCP and UDP over IPv4 and IPv6 to others, for an exporter that pushes. Without it no
  // socket can be made, which keeps the network out on kernels without Landlock, too.
  bool outgoing_connections = false;
  // Processor: openat() for reading. Without it nothing at all can be opened; what is then missing
  // are the process_* metrics.
  bool read_files = true;
};

// For all threads of the process. Sets no_new_privs. Cannot be undone.
// Errors: the kernel has no seccomp filters, or a filter above denies this call.
[[nodiscard]] base::Result<void> restrict_syscalls(Role role, const SyscallOptions& options = {});

}  // namespace beyla::agent::privileges
