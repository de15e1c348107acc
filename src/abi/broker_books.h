/* SPDX-License-Identifier: Apache-2.0
 * What the broker counts, for the processor that serves it as metrics: a memfd of one page, written
 * by the broker alone, with one 8-byte store (release) per value. Each value is right by itself;
 * two of them may be of different moments. */
#pragma once

#include "abi/requests.h"

namespace beyla::abi {

enum : std::uint32_t { kBrokerBooksVersion = 5 };
enum { kBrokerBooksBytes = 4096 };

enum broker_book : std::uint32_t {
  kBookTargetsSelected = 0,
  kBookTargetsEnded = 1,         // read it before the former: then it is never more
  kBookSkippedProcessGone = 2,   // processes, see discover::DiscoveryCounts
  kBookProcessEventsRead = 3,    // records of the lifecycle ring
  kBookProgramRunsSkipped = 4,   // of kernel programs that had interrupted themselves
  kBookProcessorRestarts = 5,    // starts behind the first
  kBookCapabilitiesMissing = 6,  // bit by capability number (linux/capability.h)
  kBookRequestsReady = 7,        // notices of the processor
  kBookRequestsDelivered = 8,
  kBookRequestsRepeated = 9,  // notices beyond one per processor
  kBookRequestsMalformed = 10,
  kBookRequestOutcomes = 11,  // the accepted; this and the next in the order of request_outcome
  kBookRequestNotTarget = 12,
  kBookRequestOtherImage = 13,
  kBookRequestProbesNotAllowed = 14,
  kBookRequestTooFast = 15,
  kBookRequestTooMany = 16,
  kBookRequestAttachFailed = 17,
  kBookTargetsForgotten = 18,  // over the broker's limit
  kBookGoProcesses = 19,       // that have probes now
  kBookTlsProcesses = 20,      // likewise, in TLS libraries
  kBookProbePoints = 21,       // in all of them
  kBookBinaries = 22,          // those of Go; this and the next in the order of binary_outcome
  kBookGoFailures = kBookBinaries + 8,    // processes left out, in the order of go_failure
  kBookGoRefusals = kBookGoFailures + 6,  // points left out, in the order of probes::proof::Refusal
  kBookGoRetries = kBookGoRefusals + 16,  // in the order of go_retry
  kBookSkippedNotPermitted = kBookGoRetries + 3,  // as kBookSkippedProcessGone
  kBookGoInlined =
      kBookSkippedNotPermitted + 1,  // executable files: functions of probes were inlined
  kBrokerBookValues,
};

// What came of the analysis of an executable file or library.
enum binary_outcome : std::uint32_t {
  kBinaryIsGo = 0,
  kBinaryIsTls = 1,
  kBinaryIsOther = 2,
  kBinaryNotStarted = 3,  // this and the next: no report, in the order of broker::AnalysisFailure
  kBinaryDied = 4,
  kBinaryTimedOut = 5,
  kBinaryMalformed = 6,
  kBinaryTlsUnfit = 7,  // has TLS code, and none that can be probed
  kBinaryOutcomes = 8,
};
static_assert(kBookGoFailures - kBookBinaries == std::uint32_t{kBinaryOutcomes});

// Why a whole process has no Go probes, or none in a TLS library.
enum go_failure : std::uint32_t {
  kGoTooManyImages = 0,  // the first: in the order of probes::loader::AttachFailure
  kGoTooManyLinks = 1,
  kGoProcessGone = 2,
  kGoRefusedByKernel = 3,
  kGoTooManyWait = 4,
  kGoNotPermitted = 5,
  kGoFailures = 6,
};
static_assert(kBookGoRefusals - kBookGoFailures == std::uint32_t{kGoFailures});
enum : std::uint32_t { kProbeRefusals = kBookGoRetries - kBookGoRefusals };

// What came of trying again with processes that had been turned away.
enum go_retry : std::uint32_t {
  kGoRetryDone = 0,     // processes
  kGoRetryAgain = 1,    // tries
  kGoRetryGivenUp = 2,  // processes
  kGoRetryOutcomes = 3,
};
static_assert(kBookSkippedNotPermitted - kBookGoRetries == std::uint32_t{kGoRetryOutcomes});

static_assert(kBookTargetsForgotten - kBookRequestOutcomes == std::uint32_t{kRequestOutcomes});

constexpr broker_book book_of(request_outcome outcome) {
  return static_cast<broker_book>(std::uint32_t{kBookRequestOutcomes} + std::uint32_t{outcome});
}

// The index-th of a row of books that begins with `first`.
constexpr broker_book book_of(broker_book first, std::size_t index) {
  return static_cast<broker_book>(std::uint32_t{first} + index);
}

struct broker_books {
  std::uint32_t version;                    // kBrokerBooksVersion
  std::uint32_t value_count;                // kBrokerBookValues
  std::uint64_t values[kBrokerBookValues];  // by broker_book
};
ABI_OFFSET(broker_books, values, 8);
static_assert(sizeof(broker_books) <= kBrokerBooksBytes);

}  // namespace beyla::abi
