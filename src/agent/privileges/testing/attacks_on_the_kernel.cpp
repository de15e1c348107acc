#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/privileges/testing/attacks.h"
#include "base/fd.h"

namespace beyla::agent::privileges::testing {
namespace {

constexpr std::size_t kPage = 4096;

int outcome(long result) { return result >= 0 ? 0 : errno; }
// A new descriptor, closed again.
int outcome_of_fd(long fd) {
  if (fd < 0) return errno;
  ::close(static_cast<int>(fd));
  return 0;
}

int load_program(const AttackTargets& /*targets*/) {
  bpf_insn instructions[2] = {};  // r0 = 0; exit
  instructions[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  instructions[1].code = BPF_JMP | BPF_EXIT;
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insn_cnt = std::size(instructions);
  attributes.insns = reinterpret_cast<std::uintptr_t>(instructions);
  attributes.license = reinterpret_cast<std::uintptr_t>("GPL");
  return outcome_of_fd(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
}
int create_map(const AttackTargets& /*targets*/) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = sizeof(std::uint32_t);
  attributes.value_size = sizeof(std::uint32_t);
  attributes.max_entries = 1;
  return outcome_of_fd(::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)));
}
// Somebody else's maps and programs, by number.
int open_foreign_map(const AttackTargets& /*targets*/) {
  bpf_attr attributes{};
  return outcome_of_fd(::syscall(SYS_bpf, BPF_MAP_GET_FD_BY_ID, &attributes, sizeof(attributes)));
}
int pin_object(const AttackTargets& /*targets*/) {
  bpf_attr attributes{};
  return outcome(::syscall(SYS_bpf, BPF_OBJ_PIN, &attributes, sizeof(attributes)));
}

int executable_by_mmap(const AttackTargets& /*targets*/) {
  void* memory = ::mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  return outcome(::munmap(memory, kPage));
}
int executable_by_mprotect(const AttackTargets& /*targets*/) {
  void* memory = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 0;  // the attack was not made: shows up as not refused
  const int result = outcome(::mprotect(memory, kPage, PROT_READ | PROT_WRITE | PROT_EXEC));
  ::munmap(memory, kPage);
  return result;
}
int executable_by_personality(const AttackTargets& /*targets*/) {
  return outcome(::personality(READ_IMPLIES_EXEC));
}

int use_keyring(const AttackTargets& /*targets*/) {
  return outcome(::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1, 0, 0));
}
int use_io_uring(const AttackTargets& /*targets*/) {
  std::array<char, 256> parameters{};  // io_uring_params, 120 bytes in Linux 6.12
  return outcome_of_fd(::syscall(SYS_io_uring_setup, 1, parameters.data()));
}
int use_perf_events(const AttackTargets& /*targets*/) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_DUMMY;
  return outcome_of_fd(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}
int use_userfaultfd(const AttackTargets& /*targets*/) {
  return outcome_of_fd(::syscall(SYS_userfaultfd, 0));
}
int load_module(const AttackTargets& /*targets*/) {
  return outcome(::syscall(SYS_finit_module, -1, "", 0));
}
int mount_something(const AttackTargets& /*targets*/) {
  return outcome(::mount("none", "/beyla-attack-no-such-folder", "tmpfs", 0, nullptr));
}
int type_into_terminal(const AttackTargets& /*targets*/) {
  char letter = ' ';
  return outcome(::ioctl(STDIN_FILENO, TIOCSTI, &letter));
}

constexpr Attack kAttacks[] = {
    {"bpf_prog_load", load_program},
    {"bpf_map_create", create_map},
    {"bpf_map_get_fd_by_id", open_foreign_map},
    {"bpf_obj_pin", pin_object},
    {"mmap_exec", executable_by_mmap},
    {"mprotect_exec", executable_by_mprotect},
    {"personality", executable_by_personality},
    {"keyctl", use_keyring},
    {"io_uring_setup", use_io_uring},
    {"perf_event_open", use_perf_events},
    {"userfaultfd", use_userfaultfd},
    {"finit_module", load_module},
    {"mount", mount_something},
    {"ioctl_tiocsti", type_into_terminal},
};

}  // namespace

std::span<const Attack> attacks_on_the_kernel() { return kAttacks; }

}  // namespace beyla::agent::privileges::testing
