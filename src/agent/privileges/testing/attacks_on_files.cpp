#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "agent/privileges/testing/attacks.h"

namespace beyla::agent::privileges::testing {
namespace {

int outcome_of_open(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0600);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}
std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}
// Of this process alone.
std::string new_file() { return "/tmp/beyla-attack-" + std::to_string(::getpid()); }
// 0 after what was made is removed, else errno.
int outcome_of_making(int result) {
  if (result != 0) return errno;
  ::unlink(new_file().c_str());
  return 0;
}

int read_shadow(const AttackTargets& /*targets*/) {
  return outcome_of_open("/etc/shadow", O_RDONLY);
}
int read_passwd(const AttackTargets& /*targets*/) {
  return outcome_of_open("/etc/passwd", O_RDONLY);
}
int list_root(const AttackTargets& /*targets*/) {
  return outcome_of_open("/", O_RDONLY | O_DIRECTORY);
}
int read_by_openat2(const AttackTargets& /*targets*/) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC;
  const long fd = ::syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof(how));
  if (fd < 0) return errno;
  ::close(static_cast<int>(fd));
  return 0;
}
#ifdef SYS_open
int read_by_open(const AttackTargets& /*targets*/) {
  const long fd = ::syscall(SYS_open, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return errno;
  ::close(static_cast<int>(fd));
  return 0;
}
#endif
int read_parent_environment(const AttackTargets& targets) {
  return outcome_of_open(proc_file(targets.parent, "environ"), O_RDONLY);
}
int read_parent_memory(const AttackTargets& targets) {
  return outcome_of_open(proc_file(targets.parent, "mem"), O_RDONLY);
}
int write_parent_memory(const AttackTargets& targets) {
  return outcome_of_open(proc_file(targets.parent, "mem"), O_RDWR);
}
int read_victim_memory(const AttackTargets& targets) {
  return outcome_of_open(proc_file(targets.victim, "mem"), O_RDONLY);
}
int read_victim_environment(const AttackTargets& targets) {
  return outcome_of_open(proc_file(targets.victim, "environ"), O_RDONLY);
}

int make_file(const AttackTargets& /*targets*/) {
  return outcome_of_making(outcome_of_open(new_file(), O_WRONLY | O_CREAT | O_EXCL));
}
int make_nameless_file(const AttackTargets& /*targets*/) {
  return outcome_of_open("/tmp", O_WRONLY | O_TMPFILE);
}
int change_mode(const AttackTargets& /*targets*/) {
  struct stat status{};
  if (::stat("/tmp", &status) != 0) status.st_mode = 01777;
  return ::chmod("/tmp", status.st_mode & 07777) == 0 ? 0 : errno;
}
// Nothing is there: who is let through gets ENOENT.
int remove_file(const AttackTargets& /*targets*/) {
  return ::unlink(new_file().c_str()) == 0 ? 0 : errno;
}
int make_link(const AttackTargets& /*targets*/) {
  return outcome_of_making(::symlink("/etc/passwd", new_file().c_str()));
}
int make_node(const AttackTargets& /*targets*/) {
  return outcome_of_making(::mknod(new_file().c_str(), S_IFIFO | 0600, 0));
}
int rename_file(const AttackTargets& /*targets*/) {
  return ::rename(new_file().c_str(), (new_file() + "-2").c_str()) == 0 ? 0 : errno;
}
// CAP_DAC_READ_SEARCH opens any file of the machine by its handle.
int open_by_handle(const AttackTargets& /*targets*/) {
  file_handle handle{};
  return ::open_by_handle_at(-1, &handle, O_RDONLY) >= 0 ? 0 : errno;
}

constexpr Attack kAttacks[] = {
    {"open_shadow", read_shadow},
    {"open_passwd", read_passwd},
    {"list_root", list_root},
    {"openat2", read_by_openat2},
#ifdef SYS_open
    {"open", read_by_open},
#endif
    {"parent_environ", read_parent_environment},
    {"parent_mem", read_parent_memory},
    {"parent_mem_write", write_parent_memory},
    {"victim_mem", read_victim_memory},
    {"victim_environ", read_victim_environment},
    {"create_file", make_file},
    {"create_tmpfile", make_nameless_file},
    {"chmod", change_mode},
    {"unlink", remove_file},
    {"symlink", make_link},
    {"mknod", make_node},
    {"rename", rename_file},
    {"open_by_handle_at", open_by_handle},
};

}  // namespace

std::span<const Attack> attacks_on_files() { return kAttacks; }

}  // namespace beyla::agent::privileges::testing
