// Giving up the uid. Callers have one thread: the sets of the others would stay as they are.
#pragma once

#include <sys/types.h>

#include <span>

#include "base/result.h"

namespace beyla::agent::privileges {

// The overflow uid and gid, "nobody" and "nogroup" of Debian (kernel/sys.c, DEFAULT_OVERFLOWUID).
inline constexpr uid_t kNobody = 65534;
inline constexpr gid_t kNogroup = 65534;

// With effective uid 0: no supplementary groups, all gids and uids 65534, and of the capabilities
// exactly those of `keep` that were permitted; CAP_SETUID and CAP_SETGID are used here for the only
// time. Else: keep_only(keep), the uid stays.
// The result is read back; on an error the caller must end, for it may be half way.
// The change of the uid empties the parent-death signal (kernel/cred.c, commit_creds()); it is set
// again, an error if the parent has ended in between. It lets the process be dumpable as
// fs.suid_dumpable says: harden_process() comes after it.
[[nodiscard]] base::Result<void> become_nobody(std::span<const int> keep);

}  // namespace beyla::agent::privileges
