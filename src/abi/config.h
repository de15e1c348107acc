/* SPDX-License-Identifier: Apache-2.0
 * Broker <-> configuration worker: one request and one answer, each one datagram of fixed size over
 * a SOCK_SEQPACKET pair. The broker decodes the settings blob, too, and makes the one that goes on
 * to the processor anew. There is exactly one encoding of each content: texts are NUL-terminated
 * and zero up to the end of their field, reserved fields are zero. Bump kConfigVersion whenever a
 * layout or a meaning changes. */
#pragma once

#include "abi/maps.h"

namespace beyla::abi {

enum { kConfigVersion = 2 };

// Of text fields, with the NUL.
enum {
  kConfigPathBytes = 256,       // a longer path is shortened at the front: it is for messages only
  kExecutableTextBytes = 4096,  // PATH_MAX, include/uapi/linux/limits.h: matched against paths
  kServiceTextBytes = 256,      // kServiceNameBytes of abi/messages.h
  kUrlPathBytes = 1024,
  kIpTextBytes = 48,  // INET6_ADDRSTRLEN is 46, netinet/in.h
  kConfigMessageBytes = 8192,
};

enum config_log_level : std::uint32_t {
  kLogDebug = 1,
  kLogInfo = 2,
  kLogWarn = 3,
  kLogError = 4,
};

enum config_trace_printer : std::uint32_t {
  kPrintNothing = 1,
  kPrintText = 2,
  kPrintJson = 3,
};

// Bits: what may be put into a process that the policy selects.
enum allowed_probes : std::uint32_t { kAllowSockets = 1, kAllowGo = 2, kAllowAll = 3 };

struct config_request {
  std::uint32_t version;
  std::uint32_t length;    // of the struct
  std::uint32_t has_file;  // 0 or 1: a readable file came with it
  std::uint32_t reserved;
  std::uint8_t path[kConfigPathBytes];  // how messages call the file; empty without one
};
static_assert(sizeof(config_request) == 272);

// What may be instrumented. For the broker.
struct policy_blob {
  std::uint32_t version;
  std::uint32_t length;
  std::uint32_t allowed_probes;  // a mask
  std::uint32_t log_level;
  std::uint32_t has_ports;  // 1: wanted_ports has a bit
  std::uint32_t enforce_sys_caps;
  std::uint32_t has_scrape;   // 1: scrape_port is not 0
  std::uint32_t scrape_port;  // host order
  // Port p is bit p % 64 of word p / 64; never port 0.
  std::uint64_t wanted_ports[kPorts / kBitsPerWord];
  std::uint8_t executable[kExecutableTextBytes];  // empty: any, and then there are ports
  std::uint8_t service_name[kServiceTextBytes];   // empty: taken from the process
  std::uint8_t scrape_address[kIpTextBytes];      // empty: all addresses
};
static_assert(sizeof(policy_blob) == 12624);

// What to do with what was seen. For the processor.
struct settings_blob {
  std::uint32_t version;
  std::uint32_t length;
  std::uint32_t trace_printer;
  std::uint32_t serve_metrics;  // on the socket that the broker hands over
  std::uint32_t log_level;
  std::uint32_t reserved;
  std::int64_t series_ttl_ns;
  std::uint64_t cardinality_limit;
  std::uint8_t metrics_path[kUrlPathBytes];
};
static_assert(sizeof(settings_blob) == 1064);

enum config_status : std::uint32_t { kConfigAccepted = 1, kConfigRefused = 2 };

struct config_answer {
  std::uint32_t version;
  std::uint32_t length;
  std::uint32_t status;
  std::uint32_t reserved;
  policy_blob policy;      // zero if refused
  settings_blob settings;  // zero if refused
  // Refused: why, one line. Accepted: warnings, one a line.
  std::uint8_t message[kConfigMessageBytes];
};
static_assert(sizeof(config_answer) == 21896);

}  // namespace beyla::abi
