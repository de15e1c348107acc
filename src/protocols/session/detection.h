// Finds out which protocol a connection speaks, and where nobody knows it, in which role: by the
// first bytes of its requests. Bounded in bytes and tries. The shard's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/wipe.h"
#include "model/event.h"
#include "protocols/registry.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::session {

inline constexpr std::size_t kMaxDetectBytes = 24;  // ours: RFC 9113 §3.4, the longest preface
inline constexpr std::size_t kMaxDetectTries = 64;  // ours: calls of a connection joined midway

class Detection {
 public:
  enum class Outcome : std::uint8_t { undecided, found, hopeless };

  // The registry must outlive this. retention may be null.
  Detection(std::span<const ProtocolDescriptor* const> registry,
            const model::ConnectionInfo& connection, RetentionSink* retention);

  // Not seen from its start, but up to there by a predecessor, whose tries do not count.
  void resume(std::uint64_t received_end, std::uint64_t sent_end);
  // hopeless: it speaks no protocol of ours.
  [[nodiscard]] Outcome take(const model::StreamData& event);
  // Bytes were lost, in either direction.
  void lose();

  // Of what was found.
  [[nodiscard]] const ProtocolDescriptor& descriptor() const { return *descriptor_; }
  [[nodiscard]] model::Role role() const { return role_; }
  [[nodiscard]] bool from_start() const { return from_start_; }
  // The records before the one that decided, in order.
  void replay(ProtocolParser& parser) const;

 private:
  struct Kept {
    Segment segment;  // its bytes are in Side::bytes
    std::size_t size = 0;
  };
  struct Side {
    base::PrivateBytes bytes;
    std::vector<Kept> records;
    // The newest record, whatever it held, and where the other direction stood then.
    std::optional<std::uint64_t> end;
    std::uint64_t other_offset = 0;

    void forget();
  };
  struct Verdict {
    DetectResult result = DetectResult::no_match;
    const ProtocolDescriptor* descriptor = nullptr;  // of a match
  };

  [[nodiscard]] Verdict extend(Side& side, const model::StreamData& event) const;
  [[nodiscard]] Verdict judge(model::Direction direction, std::span<const std::byte> bytes) const;
  [[nodiscard]] Verdict join(const model::StreamData& event) const;
  [[nodiscard]] bool may_answer_first(const model::StreamData& event) const;
  [[nodiscard]] Outcome on_match(const Verdict& verdict, const model::StreamData& event);
  [[nodiscard]] Outcome on_mismatch(Side& side);
  [[nodiscard]] bool waits_behind_lost(const ProtocolDescriptor& descriptor,
                                       const model::StreamData& event) const;
  void retain_undecided(const model::StreamData& event, const Side& side) const;
  void retain_deciding(const model::StreamData& event, const Side& side) const;

  std::span<const ProtocolDescriptor* const> registry_;
  RetentionSink* retention_;
  const ProtocolDescriptor* descriptor_ = nullptr;
  model::Role role_;
  std::array<Side, 2> sides_;  // by direction
  std::size_t tries_ = 0;
  bool from_start_;  // seen from the start, and nothing of either direction was missed since
};

}  // namespace beyla::protocols::session
