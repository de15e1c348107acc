// The kernel's interface up to ABI 7 (include/uapi/linux/landlock.h of Linux 6.15), since headers
// of Linux 6.1 end with ABI 2. Private to this room.
#pragma once

#include <linux/landlock.h>

#include <cstddef>
#include <cstdint>

namespace beyla::agent::privileges {

inline constexpr int kNewestLandlockAbi = 7;  // 7 adds flags for the audit log only

inline constexpr std::uint64_t kAccessTruncate = 1ULL << 14;  // ABI 3, Linux 6.2
inline constexpr std::uint64_t kAccessIoctlDev = 1ULL << 15;  // ABI 5, Linux 6.10
inline constexpr std::uint64_t kAccessBindTcp = 1ULL << 0;    // ABI 4, Linux 6.7
inline constexpr std::uint64_t kAccessConnectTcp = 1ULL << 1;
inline constexpr std::uint64_t kScopeAbstractUnixSocket = 1ULL << 0;  // ABI 6, Linux 6.12
inline constexpr std::uint64_t kScopeSignal = 1ULL << 1;

inline constexpr int kAbiOfRefer = 2;
inline constexpr int kAbiOfTruncate = 3;
inline constexpr int kAbiOfTcp = 4;
inline constexpr int kAbiOfIoctl = 5;
inline constexpr int kAbiOfScopes = 6;

struct landlock_ruleset {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // ABI 4
  std::uint64_t scoped;              // ABI 6
};
static_assert(sizeof(landlock_ruleset) == 24);
static_assert(offsetof(landlock_ruleset, handled_access_net) == 8);
static_assert(offsetof(landlock_ruleset, scoped) == 16);

inline constexpr int kRuleNetPort = 2;  // LANDLOCK_RULE_NET_PORT
struct landlock_net_port {
  std::uint64_t allowed_access;
  std::uint64_t port;
};
static_assert(sizeof(landlock_net_port) == 16);

// Every right of files that the ABI knows.
[[nodiscard]] constexpr std::uint64_t file_rights(int abi) {
  std::uint64_t rights = LANDLOCK_ACCESS_FS_REFER - 1;  // ABI 1: bits 0 .. 12
  if (abi >= kAbiOfRefer) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= kAbiOfTruncate) rights |= kAccessTruncate;
  if (abi >= kAbiOfIoctl) rights |= kAccessIoctlDev;
  return rights;
}

[[nodiscard]] constexpr landlock_ruleset ruleset_for(int abi) {
  return {file_rights(abi), abi >= kAbiOfTcp ? kAccessBindTcp | kAccessConnectTcp : 0,
          abi >= kAbiOfScopes ? kScopeAbstractUnixSocket | kScopeSignal : 0};
}

}  // namespace beyla::agent::privileges
