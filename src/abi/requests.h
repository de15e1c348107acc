/* SPDX-License-Identifier: Apache-2.0
 * Processor -> broker: all that the side without powers can ask of the side that has them, and what
 * it is answered. A request names a process and a set of probes by number; never a path, an offset
 * or bytecode. */
#pragma once

#include "abi/messages.h"

namespace beyla::abi {

enum probe_set : std::uint32_t {
  kProbesNone = 0,
  kProbesSockets = 1,  // what every target has from its selection on
  kProbesTls = 2,      // in TLS code that it may have loaded since; asked for again and again
};

// kRequestReady: the processor reads its rings. kRequestDelivered: it has committed its first batch
// of events. Both once, without a process, not answered. kRequestProbes: attach `probe_set` to
// `process`; answered.
struct processor_request {
  std::uint32_t version;     // kChannelVersion
  std::uint32_t kind;        // kRequestReady, kRequestDelivered or kRequestProbes
  std::uint32_t length;      // sizeof(processor_request)
  std::uint32_t probe_set;   // else kProbesNone
  std::uint64_t request_id;  // comes back in the answer; chosen by the processor
  process_key process;       // else zeroes
};
ABI_OFFSET(processor_request, kind, offsetof(message_head, kind));
ABI_OFFSET(processor_request, length, 8);
ABI_OFFSET(processor_request, probe_set, 12);
ABI_OFFSET(processor_request, request_id, 16);
ABI_OFFSET(processor_request, process, 24);
static_assert(sizeof(processor_request) == 40);

enum request_outcome : std::uint32_t {
  kRequestAccepted = 0,          // the probes are attached
  kRequestNotTarget = 1,         // no target has this pid
  kRequestOtherImage = 2,        // the target of this pid is another process or image
  kRequestProbesNotAllowed = 3,  // by the operator's policy, or no such set
  kRequestTooFast = 4,           // over the rate: ask again later
  kRequestTooMany = 5,           // as many are attached as may be
  kRequestAttachFailed = 6,      // the kernel, or the proof of the probe point, refused
  kRequestOutcomes = 7,
};

struct request_answer {
  std::uint32_t version;  // kChannelVersion
  std::uint32_t kind;     // kMessageAnswer
  std::uint32_t length;   // sizeof(request_answer)
  std::uint32_t outcome;  // request_outcome
  std::uint64_t request_id;
};
ABI_OFFSET(request_answer, kind, offsetof(message_head, kind));
ABI_OFFSET(request_answer, outcome, 12);
ABI_OFFSET(request_answer, request_id, 16);
static_assert(sizeof(request_answer) == 24);

}  // namespace beyla::abi
