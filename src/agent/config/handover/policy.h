// What may be instrumented: the part of the settings that the broker acts on. It comes from a
// configuration worker that may lie: a decoded policy keeps the limits of the loader, selects
// something, and nothing in it is ever opened or executed. Pure, any thread.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "abi/config.h"
#include "agent/config/handover/log_level.h"
#include "base/result.h"

namespace beyla::agent::config {

struct ScrapeEndpoint {
  std::uint16_t port = 0;  // not 0
  std::string address;     // IPv4 or IPv6; empty: all addresses

  bool operator==(const ScrapeEndpoint&) const = default;
};

struct Policy {
  std::bitset<abi::kPorts> wanted_ports;  // none: ports do not select
  // A substring of the executable's path; empty: names do not select. Any bytes but NUL, since
  // paths may hold any: compare it, and show it as base::to_terminal_text() only.
  std::string executable_name;
  std::string service_name;  // no control characters; empty: taken from the process
  std::uint32_t allowed_probes = abi::kAllowAll;  // abi::allowed_probes, not 0
  bool enforce_sys_caps = false;
  LogLevel log_level = LogLevel::info;
  std::optional<ScrapeEndpoint> scrape;

  bool operator==(const Policy&) const = default;
};

// REQUIRES: what decode_policy() would accept.
[[nodiscard]] abi::policy_blob encode_policy(const Policy& policy);
// Errors: system, EBADMSG, naming the field.
[[nodiscard]] base::Result<Policy> decode_policy(std::span<const std::byte> bytes);

}  // namespace beyla::agent::config
