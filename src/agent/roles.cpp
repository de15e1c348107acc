#include "agent/roles.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <span>
#include <utility>

#include "agent/config/worker.h"
#include "agent/elf_worker/worker.h"
#include "agent/privileges/capabilities.h"
#include "agent/privileges/hardening.h"
#include "agent/privileges/identity.h"
#include "agent/privileges/landlock.h"
#include "agent/privileges/syscalls.h"
#include "agent/processor/processor.h"
#include "agent/spawn/process_setup.h"

namespace beyla::agent {
namespace {

using privileges::Resource;
using privileges::Role;

constexpr std::uint64_t kProcessorOpenFiles = 1024;  // scrapes, and some 30 of its own
// More than any sane file takes; a bomb ends here.
constexpr spawn::ChildLimits kConfigLimits{.wall = std::chrono::seconds(8),
                                           .cpu = std::chrono::seconds(5),
                                           .address_space = std::size_t{256} << 20U};
// The broker waits no longer than `wall` for a report. The file is mapped: of the address space a
// Go program of 300 MB leaves 200, of which the largest known takes a tenth.
constexpr spawn::ChildLimits kElfLimits{.wall = std::chrono::seconds(5),
                                        .cpu = std::chrono::seconds(5),
                                        .address_space = std::size_t{512} << 20U};

// A container may have root without the powers to leave it: then the uid stays, and the
// capabilities, system calls and files that an attacker would want are out of reach all the same.
base::Result<void> leave_identity(std::span<const int> keep) {
  constexpr std::array kNeeded = {CAP_SETUID, CAP_SETGID};
  const auto own = TRY(privileges::own_capabilities());
  const bool stays =
      ::geteuid() == 0 && !privileges::missing_capabilities(kNeeded, own.effective).complete();
  return stays ? privileges::keep_only(keep) : privileges::become_nobody(keep);
}

base::Result<void> secure_spawner() {
  TRY_VOID(leave_identity({}));
  TRY_VOID(privileges::harden_process());
  return privileges::restrict_syscalls(Role::spawner);
}

// What Landlock cannot confine on an older kernel the system call filter still does.
base::Result<void> confine(Role role, const privileges::SyscallOptions& options) {
  static_cast<void>(privileges::restrict_with_landlock({}));
  return privileges::restrict_syscalls(role, options);
}

base::Result<void> secure_config_worker() { return confine(Role::config_worker, {}); }

base::Result<void> secure_elf_worker() { return confine(Role::elf_worker, {}); }

base::Result<void> secure_processor() {
  privileges::forget_environment();
  TRY_VOID(privileges::limit(Resource::open_files, kProcessorOpenFiles));
  return confine(Role::processor, {.outgoing_connections = false, .read_files = false});
}

}  // namespace

int run_processor_role(base::Fd channel, std::vector<base::Fd> files) {
  files.clear();  // it gets its own with the start message
  return processor::processor_main(std::move(channel));
}

RoleMains role_mains() {
  return {config::config_worker_main, run_processor_role, elf_worker::elf_worker_main};
}

base::Result<spawn::Spawner> start_spawner(const RoleMains& mains) {
  const std::array roles = {
      spawn::RoleEntry{spawn::ChildRole::config_worker, "beyla-conf", mains.config_worker,
                       kConfigLimits, secure_config_worker},
      spawn::RoleEntry{
          spawn::ChildRole::processor, "beyla-proc", mains.processor, {}, secure_processor},
      spawn::RoleEntry{spawn::ChildRole::elf_worker, "beyla-elf", mains.elf_worker, kElfLimits,
                       secure_elf_worker}};
  return spawn::Spawner::start(roles, {secure_spawner});
}

base::Result<void> give_up_other_powers() {
  const auto own = TRY(privileges::own_capabilities());
  TRY_VOID(leave_identity(privileges::held_for(privileges::kBrokerCapabilities, own.permitted)));
  if (::geteuid() == 0) {
    spdlog::warn("the agent keeps uid 0: it was not given CAP_SETUID and CAP_SETGID");
  }
  return privileges::harden_process();
}

base::Result<void> forbid_what_only_the_start_needed() {
  return privileges::restrict_syscalls(Role::broker);
}

base::Result<void> secure_lone_processor(int channel) {
  TRY_VOID(spawn::close_fds_but(std::array{channel}));
  TRY_VOID(leave_identity({}));
  TRY_VOID(privileges::harden_process());
  return secure_processor();
}

}  // namespace beyla::agent
