// The protocols that beyla understands. Adding one: a folder, a descriptor, a line in registry.cpp.
// Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "model/capture_policy.h"
#include "model/exchange.h"
#include "model/frame_walk.h"
#include "protocols/session/protocol_parser.h"
#include "protocols/session/retention.h"

namespace beyla::protocols {

enum class DetectResult { match, no_match, need_more };

struct ProtocolDescriptor {
  std::string_view name;
  // Looks at the first bytes of the direction that carries the requests, or would carry them where
  // the role is not known; never empty. Says need_more only while more bytes could still make it a
  // match.
  DetectResult (*detect)(model::Direction direction, std::span<const std::byte> bytes) = nullptr;
  // Of first bytes that need more: how many of them may not be kept in a recording. Null: none.
  std::size_t (*private_bytes)(std::span<const std::byte> bytes) = nullptr;
  // The role in connection is known. The sinks must outlive the parser. retention: null where
  // nothing is recorded.
  std::unique_ptr<session::ProtocolParser> (*make)(const model::ConnectionInfo& connection,
                                                   model::ExchangeSink& sink,
                                                   session::RetentionSink* retention) = nullptr;
  // Bytes that the kernel copies after each change of direction; see model/capture_policy.h.
  std::uint16_t request_turn_bytes = 0;
  std::uint16_t answer_turn_bytes = 0;
  std::uint16_t min_answer_bytes = 1;  // no answer is shorter
  // Of a connection of whose beginning nothing was seen, what one socket call brought of the
  // requests: does it begin with something that only this protocol sends? Null: nobody can say.
  bool (*joins)(std::span<const std::byte> record) = nullptr;
  // What a server may say before it was asked. Null: nothing.
  bool (*answers_first)(std::span<const std::byte> record) = nullptr;
  // Answers name their request: one that was missed leaves the others as they are.
  bool is_multiplexed = false;
  // What model::kFramed as turn bytes means. Null: the protocol does not ask for that. At most one
  // may: the kernel half knows one.
  const model::FrameWalk* framing = nullptr;
};

[[nodiscard]] std::span<const ProtocolDescriptor* const> registry();
// Of the protocol that has one; null: none has.
[[nodiscard]] const model::FrameWalk* framing();

}  // namespace beyla::protocols
