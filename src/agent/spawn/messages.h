// The strict reader of abi/spawn.h: one whole datagram of this version, or a named refusal.
// Pure functions, any thread; nothing is allocated.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <span>

#include "abi/spawn.h"

namespace beyla::agent::spawn {

// What arrived besides the bytes.
struct Attachments {
  std::size_t fd_count = 0;
  bool cut = false;  // MSG_TRUNC or MSG_CTRUNC
};

// Role and id are checked by the spawner, who knows its roles and children.
[[nodiscard]] std::expected<abi::spawn_request, abi::spawn_refusal> decode_request(
    std::span<const std::byte> bytes, Attachments attachments);

// nullopt: not one report of this version and a known kind with a child, a refusal, or an end.
[[nodiscard]] std::optional<abi::spawn_report> decode_report(std::span<const std::byte> bytes);

[[nodiscard]] std::optional<abi::spawn_hello> decode_hello(std::span<const std::byte> bytes);

// For people; never null.
[[nodiscard]] const char* refusal_text(abi::spawn_refusal refusal);

}  // namespace beyla::agent::spawn
