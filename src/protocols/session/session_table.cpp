#include "protocols/session/session_table.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_reader.h"

namespace beyla::protocols::session {

using model::Direction;

// What is kept while the protocol is not known.
struct SessionTable::Detection {
  struct Kept {
    Segment segment;  // its bytes are in Detection::bytes
    std::size_t size = 0;
  };
  std::string bytes;
  std::vector<Kept> segments;
  std::size_t tries = 0;
  bool from_start = false;  // nothing of either direction was missed

  void forget() {
    bytes.clear();
    segments.clear();
  }
};

// Neither detection nor parser: opaque.
struct SessionTable::Session {
  model::ConnectionInfo info;
  std::array<std::optional<std::uint64_t>, 2> expected;  // next offset, by direction
  std::unique_ptr<Detection> detection;
  std::unique_ptr<ProtocolParser> parser;

  [[nodiscard]] bool opaque() const { return !detection && !parser; }
};

struct SessionTable::Verdict {
  DetectResult result = DetectResult::no_match;
  const ProtocolDescriptor* descriptor = nullptr;  // of a match
};

SessionTable::SessionTable(model::ExchangeSink& exchanges, model::CapturePolicySink& policies,
                           std::span<const ProtocolDescriptor* const> registry,
                           RetentionSink* retention)
    : exchanges_(exchanges), policies_(policies), registry_(registry), retention_(retention) {}

SessionTable::~SessionTable() = default;

void SessionTable::on_opened(const model::ConnectionOpened& event) {
  if (sessions_.size() >= kMaxSessions && !sessions_.contains(event.connection.id)) {
    counters_.sessions_over_limit.add();
    return;
  }
  const auto [place, added] = sessions_.try_emplace(event.connection.id);
  if (!added) return;
  Session& session = place->second;
  session.info = event.connection;
  if (session.info.role == model::Role::client) {
    make_opaque(session);
    return;
  }
  session.detection = std::make_unique<Detection>();
  session.detection->from_start = session.info.seen_from_start;
  if (session.info.seen_from_start) session.expected = {0, 0};
}

void SessionTable::on_data(const model::StreamData& event) {
  const auto place = sessions_.find(event.connection);
  if (place == sessions_.end()) {
    counters_.unknown_connection.add();
    return;
  }
  Session& session = place->second;
  if (session.opaque()) return;
  std::uint64_t skip = 0;
  if (!advance(session, event, skip)) return;
  if (session.detection && skip == 0) detect(session, event);
  if (session.parser) feed(session, event, skip);
  if (session.parser && !session.parser->wants_more()) make_opaque(session);
}

// Moves the expected offset over the record; reports what was lost before it. skip: how much of the
// record was there already. False: all of it.
bool SessionTable::advance(Session& session, const model::StreamData& event, std::uint64_t& skip) {
  const auto side = static_cast<std::size_t>(event.direction);
  auto& expected = session.expected[side];
  auto& other = session.expected[1 - side];
  if (!other) other = event.other_offset;  // joined midway: here the other direction stood
  const std::uint64_t from = expected.value_or(event.offset);
  const std::uint64_t end = event.offset + event.total_bytes;
  if (end <= from) return false;
  expected = end;
  skip = from > event.offset ? from - event.offset : 0;
  if (event.offset <= from) return true;
  exchanges_.on_gap();
  if (session.detection) {
    session.detection->from_start = false;
    session.detection->forget();
  } else {
    session.parser->on_hole({event.direction, from, event.other_offset, event.offset - from,
                             event.time, true, event.process});
  }
  return true;
}

void SessionTable::feed(Session& session, const model::StreamData& event, std::uint64_t skip) {
  ProtocolParser& parser = *session.parser;
  const std::uint64_t total = event.total_bytes;
  const std::uint64_t head_end = std::min<std::uint64_t>(event.head.size(), total);
  const std::uint64_t tail_begin =
      std::max(head_end, total - std::min<std::uint64_t>(event.tail.size(), total));
  Segment segment{event.direction, event.offset + skip, event.other_offset, {},
                  event.time,      event.arrival,       event.process,      skip == 0};
  if (skip < head_end) {
    segment.bytes = event.head.subspan(static_cast<std::size_t>(skip),
                                       static_cast<std::size_t>(head_end - skip));
    parser.on_bytes(segment);
  }
  const std::uint64_t hole_begin = std::max(skip, head_end);
  if (hole_begin < tail_begin) {
    parser.on_hole({event.direction, event.offset + hole_begin, event.other_offset,
                    tail_begin - hole_begin, event.time, false, event.process});
  }
  const std::uint64_t rest_begin = std::max(skip, tail_begin);
  if (rest_begin < total) {
    segment.offset = event.offset + rest_begin;
    segment.bytes = event.tail.last(static_cast<std::size_t>(total - rest_begin));
    segment.starts_record = rest_begin == 0;
    parser.on_bytes(segment);
  }
}

void SessionTable::detect(Session& session, const model::StreamData& event) {
  Detection& detection = *session.detection;
  if (event.direction == Direction::sent) {
    // A server that speaks first, before it was asked, speaks none of our protocols.
    if (detection.from_start && event.other_offset == 0) make_opaque(session);
    return;
  }
  Verdict verdict = extend(detection, event.head);
  if (verdict.result == DetectResult::no_match && !detection.segments.empty() &&
      !detection.from_start) {
    detection.forget();  // what was kept was no beginning; perhaps this record is one
    verdict = extend(detection, event.head);
  }
  const bool whole = event.head.size() == event.total_bytes;
  // Lost bytes and yet nothing was sent: a request waits in front of this one that we never saw.
  const bool behind_lost =
      session.info.seen_from_start && !detection.from_start && event.other_offset == 0;
  if (verdict.result == DetectResult::match && behind_lost) {
    make_opaque(session);
  } else if (verdict.result == DetectResult::match) {
    start(session, *verdict.descriptor);
  } else if (verdict.result == DetectResult::need_more && whole) {
    const Segment segment{event.direction, event.offset,  event.other_offset, {},
                          event.time,      event.arrival, event.process,      true};
    detection.segments.push_back({segment, event.head.size()});
  } else {
    on_mismatch(session);
  }
}

// Judges what is kept with the bytes behind it; no more is kept than decides.
SessionTable::Verdict SessionTable::extend(Detection& detection,
                                           std::span<const std::byte> bytes) const {
  const std::size_t room = kMaxDetectBytes - detection.bytes.size();
  detection.bytes.append(base::as_text(bytes.first(std::min(bytes.size(), room))));
  const Verdict verdict = judge(base::as_bytes(detection.bytes));
  const bool undecided = verdict.result == DetectResult::need_more;
  return undecided && detection.bytes.size() == kMaxDetectBytes ? Verdict{} : verdict;
}

SessionTable::Verdict SessionTable::judge(std::span<const std::byte> bytes) const {
  Verdict verdict;
  if (bytes.empty()) return verdict;
  for (const ProtocolDescriptor* descriptor : registry_) {
    const DetectResult result = descriptor->detect(Direction::received, bytes);
    if (result == DetectResult::match) return {result, descriptor};
    if (result == DetectResult::need_more) verdict.result = result;
  }
  return verdict;
}

void SessionTable::on_mismatch(Session& session) {
  Detection& detection = *session.detection;
  detection.forget();
  if (detection.from_start || ++detection.tries >= kMaxDetectTries) make_opaque(session);
}

void SessionTable::start(Session& session, const ProtocolDescriptor& descriptor) {
  const std::unique_ptr<Detection> detection = std::move(session.detection);
  model::ConnectionInfo info = session.info;
  info.seen_from_start = detection->from_start;
  session.parser = descriptor.make(info, exchanges_, retention_);
  policies_.set_policy(session.info.slot, descriptor.policy);
  std::span<const std::byte> bytes = base::as_bytes(detection->bytes);
  for (Detection::Kept& kept : detection->segments) {
    kept.segment.bytes = bytes.first(kept.size);
    bytes = bytes.subspan(kept.size);
    session.parser->on_bytes(kept.segment);
  }
}

void SessionTable::make_opaque(Session& session) {
  session.detection.reset();
  session.parser.reset();
  policies_.set_policy(session.info.slot, model::CapturePolicy::ignore());
  counters_.opaque_connections.add();
}

void SessionTable::on_send_closed(const model::SendClosed& event) {
  const auto place = sessions_.find(event.connection);
  if (place != sessions_.end() && place->second.parser) {
    place->second.parser->on_send_closed(event.time);
  }
}

void SessionTable::on_closed(const model::ConnectionClosed& event) {
  const auto place = sessions_.find(event.connection);
  if (place == sessions_.end()) return;
  if (place->second.parser) place->second.parser->on_closed(event.time);
  sessions_.erase(place);
}

void SessionTable::flush(base::BootTime now) {
  for (auto& [id, session] : sessions_) {
    if (session.parser) session.parser->on_closed(now);
  }
  sessions_.clear();
}

}  // namespace beyla::protocols::session
