#include "agent/privileges/identity.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "agent/privileges/capabilities.h"
#include "agent/privileges/capability_sets.h"

namespace beyla::agent::privileges {
namespace {

base::Result<void> change_identity() {
  if (::setgroups(0, nullptr) != 0) return base::fail_errno(errno, "cannot leave all groups");
  if (::setresgid(kNogroup, kNogroup, kNogroup) != 0) {
    return base::fail_errno(errno, "cannot become group nogroup");
  }
  if (::setresuid(kNobody, kNobody, kNobody) != 0) {
    return base::fail_errno(errno, "cannot become user nobody");
  }
  return {};
}

// Whoever started us may have asked for our end along with theirs (unshare --kill-child); the
// change of the uid takes that back.
base::Result<void> change_identity_and_keep_bound() {
  int signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0);
  const pid_t parent = ::getppid();
  TRY_VOID(change_identity());
  if (signal == 0) return {};
  if (::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "cannot ask for an end along with the parent");
  }
  if (::getppid() == parent) return {};
  return base::fail(base::ErrorCode::system, "the parent has ended meanwhile");
}

base::Result<void> check_identity() {
  uid_t uids[3] = {};
  gid_t gids[3] = {};
  if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
      ::getresgid(&gids[0], &gids[1], &gids[2]) != 0) {
    return base::fail_errno(errno, "cannot read the own uid");
  }
  const int groups = ::getgroups(0, nullptr);
  bool right = groups == 0;
  for (const uid_t uid : uids) right = right && uid == kNobody;
  for (const gid_t gid : gids) right = right && gid == kNogroup;
  if (right) return {};
  return base::fail(base::ErrorCode::permission,
                    fmt::format("not nobody after all: uids {} {} {}, gids {} {} {}, {} groups",
                                uids[0], uids[1], uids[2], gids[0], gids[1], gids[2], groups));
}

}  // namespace

base::Result<void> become_nobody(std::span<const int> keep) {
  if (::geteuid() != 0) return keep_only(keep);
  const CapabilitySets before = TRY(own_capabilities());
  const CapabilityMask wanted = mask_of(keep);
  TRY_VOID(reduce_bounding_set(before, wanted));
  // Leaving uid 0 empties the permitted set otherwise; kernel/cred.c empties the effective one
  // anyway.
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "cannot keep capabilities over the change of the uid");
  }
  TRY_VOID(change_identity_and_keep_bound());
  TRY_VOID(set_capabilities(before.permitted & wanted));
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "cannot end keeping capabilities");
  }
  TRY_VOID(check_identity());
  return check_capabilities(before, wanted);
}

}  // namespace beyla::agent::privileges
