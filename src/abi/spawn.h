/* SPDX-License-Identifier: Apache-2.0
 * Broker <-> spawner: one fixed-size datagram each over SOCK_SEQPACKET pairs. Requests, the hello and
 * the answers go over the control socket, exit reports over a socket of their own, so that it is
 * readable exactly when a child has ended. Bump kSpawnVersion with any layout or meaning. */
#pragma once

#include "abi/layout.h"

namespace beyla::abi {

enum { kSpawnVersion = 1, kMaxSpawnFiles = 16, kSpawnProblemBytes = 240 };

enum spawn_request_kind : std::uint32_t {
  kSpawnChild = 1,  // with SCM_RIGHTS: the child's end of its channel, then file_count files
  kSpawnKill = 2,   // SIGKILL; no answer, no fds; an unknown id is no error
};

struct spawn_request {
  std::uint32_t version;  // kSpawnVersion
  std::uint32_t length;   // sizeof(spawn_request)
  std::uint32_t kind;     // spawn_request_kind
  std::uint32_t role;     // kSpawnChild: who is to be started; kSpawnKill: 0
  std::uint64_t child_id;  // the broker's choice, not 0, no living child's
  std::uint32_t file_count;
  std::uint32_t padding;  // 0
};
static_assert(sizeof(spawn_request) == 32);
static_assert(offsetof(spawn_request, child_id) == 16);

enum spawn_report_kind : std::uint32_t {
  kSpawnStarted = 1,  // control: child_id, pid
  kSpawnRefused = 2,  // control: refusal, os_errno; child_id 0 where the request was not understood
  kSpawnExited = 3,   // exits: child_id, pid, exit_code or signal, cpu_ns
};

enum spawn_refusal : std::uint32_t {
  kNotRefused = 0,
  kRefusedCut = 1,  // longer than a request, or fds that did not fit: more than 17, or nofile reached
  kRefusedSize = 2,
  kRefusedVersion = 3,
  kRefusedKind = 4,
  kRefusedFields = 5,  // a field that this kind leaves 0 is not, or an id of 0
  kRefusedFdCount = 6,
  kRefusedRole = 7,
  kRefusedIdInUse = 8,
  kRefusedTooMany = 9,  // kMaxChildren live, or ended without their report having been read
  kRefusedFork = 10,    // os_errno says why
  kSpawnRefusals = 11,
};

struct spawn_report {
  std::uint32_t version;  // kSpawnVersion
  std::uint32_t length;   // sizeof(spawn_report)
  std::uint32_t kind;     // spawn_report_kind
  std::uint32_t refusal;  // spawn_refusal
  std::uint64_t child_id;
  std::int32_t pid;  // for people: may be another process's by the time it is read
  std::int32_t os_errno;
  std::int32_t exit_code;
  std::int32_t signal;          // 0: ended by exit
  std::uint64_t cpu_ns;         // user and system time of the child
  std::uint64_t refused_total;  // requests refused so far
};
static_assert(sizeof(spawn_report) == 56);
static_assert(offsetof(spawn_report, cpu_ns) == 40);

// The first datagram on the control socket.
struct spawn_hello {
  std::uint32_t version;  // kSpawnVersion
  std::uint32_t length;   // sizeof(spawn_hello)
  std::uint32_t ready;    // 1; 0: the spawner could not be secured and has ended
  std::int32_t os_errno;
  std::uint8_t problem[kSpawnProblemBytes];  // NUL-terminated, maybe cut
};
static_assert(sizeof(spawn_hello) == 256);

}  // namespace beyla::abi
