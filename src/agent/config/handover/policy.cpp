#include "agent/config/handover/policy.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "agent/config/handover/fields.h"
#include "agent/config/handover/setting_limits.h"

namespace beyla::agent::config {

using base::Result;

namespace {

constexpr std::string_view kMessage = "the policy of the configuration worker is not understood";

// Bit p of a bitset is bit p % 64 of word p / 64, in libstdc++ and libc++: as in the blob.
using PortWords = std::array<std::uint64_t, abi::kPorts / abi::kBitsPerWord>;

void encode_ports(const std::bitset<abi::kPorts>& ports, abi::policy_blob& blob) {
  blob.has_ports = ports.any() ? 1 : 0;
  const auto words = std::bit_cast<PortWords>(ports);
  std::memcpy(blob.wanted_ports, words.data(), sizeof(words));
}

Result<void> decode_ports(const abi::policy_blob& blob, Policy& policy) {
  policy.wanted_ports = std::bit_cast<std::bitset<abi::kPorts>>(blob.wanted_ports);
  if (policy.wanted_ports[0]) return not_understood(kMessage, "port 0");
  const std::uint32_t has_ports = policy.wanted_ports.any() ? 1 : 0;
  if (blob.has_ports != has_ports) return not_understood(kMessage, "has_ports");
  return {};
}

Result<void> decode_names(const abi::policy_blob& blob, Policy& policy) {
  auto executable = read_text(blob.executable);
  if (!executable) return not_understood(kMessage, "executable");
  policy.executable_name = *std::move(executable);
  if (policy.executable_name.empty() && blob.has_ports == 0) {
    return not_understood(kMessage, "it selects every process");
  }
  auto service = read_text(blob.service_name);
  if (!service || has_control_character(*service)) return not_understood(kMessage, "service_name");
  policy.service_name = *std::move(service);
  return {};
}

Result<void> decode_scrape(const abi::policy_blob& blob, Policy& policy) {
  if (!is_boolean(blob.has_scrape)) return not_understood(kMessage, "has_scrape");
  if (blob.scrape_port > std::numeric_limits<std::uint16_t>::max() ||
      (blob.has_scrape == 1) != (blob.scrape_port != 0)) {
    return not_understood(kMessage, "scrape_port");
  }
  auto address = read_text(blob.scrape_address);
  const bool fits =
      address && (address->empty() || (blob.has_scrape == 1 && is_ip_address(*address)));
  if (!fits) return not_understood(kMessage, "scrape_address");
  if (blob.has_scrape == 1) {
    policy.scrape = {static_cast<std::uint16_t>(blob.scrape_port), *std::move(address)};
  }
  return {};
}

}  // namespace

abi::policy_blob encode_policy(const Policy& policy) {
  abi::policy_blob blob{};
  blob.version = abi::kConfigVersion;
  blob.length = sizeof(blob);
  blob.allowed_probes = policy.allowed_probes;
  blob.log_level = static_cast<std::uint32_t>(policy.log_level);
  encode_ports(policy.wanted_ports, blob);
  blob.enforce_sys_caps = policy.enforce_sys_caps ? 1 : 0;
  write_text(blob.executable, policy.executable_name);
  write_text(blob.service_name, policy.service_name);
  if (policy.scrape) {
    blob.has_scrape = 1;
    blob.scrape_port = policy.scrape->port;
    write_text(blob.scrape_address, policy.scrape->address);
  }
  return blob;
}

Result<Policy> decode_policy(std::span<const std::byte> bytes) {
  const auto blob = TRY(read_framed<abi::policy_blob>(bytes, abi::kConfigVersion, kMessage));
  Policy policy;
  policy.allowed_probes = blob.allowed_probes;
  if (policy.allowed_probes == 0 || (policy.allowed_probes & ~std::uint32_t{abi::kAllowAll}) != 0) {
    return not_understood(kMessage, "allowed_probes");
  }
  const auto level = decode_log_level(blob.log_level);
  if (!level) return not_understood(kMessage, "log_level");
  policy.log_level = *level;
  if (!is_boolean(blob.enforce_sys_caps)) return not_understood(kMessage, "enforce_sys_caps");
  policy.enforce_sys_caps = blob.enforce_sys_caps == 1;
  TRY_VOID(decode_ports(blob, policy));
  TRY_VOID(decode_names(blob, policy));
  TRY_VOID(decode_scrape(blob, policy));
  return policy;
}

}  // namespace beyla::agent::config
