#include "protocols/session/session_table.h"

#include <algorithm>
#include <utility>

#include "protocols/session/session.h"

namespace beyla::protocols::session {

using model::Direction;
using model::Role;

SessionTable::SessionTable(model::ExchangeSink& exchanges, model::CapturePolicySink& policies,
                           std::span<const ProtocolDescriptor* const> registry, RecordTap* tap,
                           RecordOrder order)
    : exchanges_(exchanges), policies_(policies), registry_(registry), tap_(tap), order_(order) {}

SessionTable::~SessionTable() = default;

void SessionTable::on_opened(const model::ConnectionOpened& event) {
  if (tap_ != nullptr) tap_->on_opened(event);
  if (event.connection.encrypted()) note_plaintext(event.connection);
  if (sessions_.size() >= kMaxSessions && !sessions_.contains(event.connection.id)) {
    counters_.sessions_over_limit.add();
    return;
  }
  const auto [place, added] = sessions_.try_emplace(event.connection.id);
  if (!added) return;
  Session& session = place->second;
  session.info = event.connection;
  session.detection = std::make_unique<Detection>(registry_, event.connection, tap_);
  if (session.info.seen_from_start) session.expected = {0, 0};
  if (book_) session.book_place = book_->add();
  touch(session);
}

void SessionTable::note_plaintext(const model::ConnectionInfo& plaintext) {
  const auto carrier = sessions_.find(plaintext.carrier);
  if (carrier != sessions_.end()) carrier->second.has_plaintext = true;
  encrypted_.on_plaintext(plaintext.carrier);
}

void SessionTable::on_data(const model::StreamData& event) {
  const auto place = sessions_.find(event.connection);
  if (place == sessions_.end()) {
    counters_.unknown_connection.add();
    if (tap_ != nullptr) tap_->on_data(event);
    return;
  }
  Session& session = place->second;
  // A server's records are in order by construction: it receives before it answers.
  if (session.info.role == Role::client && order_ == RecordOrder::ring && !session.opaque()) {
    put_in_order(session, event);
  } else {
    deliver(session, event);
  }
}

void SessionTable::put_in_order(Session& session, const model::StreamData& event) {
  if (event.direction == Direction::received) {
    if (session.held || session.ahead(event)) {
      hold(session, event);
    } else {
      deliver(session, event);
    }
    return;
  }
  // This record begins behind what the front waits for: that was lost.
  while (session.held && session.held->front().other_offset <= event.offset) {
    release_front(session);
  }
  if (!session.held) {
    deliver(session, event);
    return;
  }
  // These bytes had left before the front was read: so much at least was the record late.
  const model::StreamData front = session.held->front();
  model::StreamData corrected = event;
  corrected.other_offset = std::min(event.other_offset, front.offset);
  const base::BootTime read = std::max(session.last_time, front.arrival.value_or(front.time));
  corrected.time = std::min(event.time, read);
  deliver(session, corrected);
  release_ready(session);
}

void SessionTable::hold(Session& session, const model::StreamData& event) {
  const std::size_t size = event.head.size() + event.tail.size();
  const auto has_room = [&] {
    if (held_bytes_ + size > kMaxHeldBytesTotal) return false;
    return !session.held || (session.held->size() < kMaxHeldRecords &&
                             session.held->bytes() + size <= kMaxHeldBytes);
  };
  while (session.held && !has_room()) {
    counters_.holds_over_limit.add();
    release_front(session);
    release_ready(session);
  }
  const bool waits = session.held || (!session.opaque() && session.ahead(event));
  if (!waits || !has_room()) {
    if (waits) counters_.holds_over_limit.add();
    deliver(session, event);
    return;
  }
  if (!session.held) {
    session.held = std::make_unique<HeldRecords>();
    holding_.insert(session.info.id);
  }
  held_bytes_ += size;
  session.held->push(event);
  touch(session);
}

void SessionTable::release_front(Session& session) {
  HeldRecords& held = *session.held;
  const std::size_t before = held.bytes();
  deliver(session, held.front());
  held.pop_front();
  held_bytes_ -= before - held.bytes();
  if (held.empty()) session.held.reset();
}

void SessionTable::release_ready(Session& session) {
  while (session.held && (session.opaque() || !session.ahead(session.held->front()))) {
    release_front(session);
  }
}

void SessionTable::release_all(Session& session) {
  while (session.held) release_front(session);
}

void SessionTable::tidy(base::BootTime now) {
  encrypted_.tidy(now);
  std::erase_if(holding_, [this, now](model::ConnectionId id) {
    const auto place = sessions_.find(id);
    return place == sessions_.end() || !tidy_holds(place->second, now);
  });
}

// The time counts from the first look, not from the record: where records wait in the ring for
// seconds, those that end the hold wait there too. False: nothing is held any more.
bool SessionTable::tidy_holds(Session& session, base::BootTime now) {
  if (!session.held) return false;
  if (session.held->deadline && now >= *session.held->deadline) {
    counters_.holds_timed_out.add();
    release_front(session);
    release_ready(session);
    if (!session.held) return false;
  }
  if (!session.held->deadline) session.held->deadline = now + kMaxHoldTime;
  return true;
}

void SessionTable::deliver(Session& session, const model::StreamData& event) {
  session.last_time = event.time;
  if (!session.opaque()) {
    touch(session);
    understand(session, event);
  }
  if (tap_ != nullptr) tap_->on_data(event);
}

void SessionTable::understand(Session& session, const model::StreamData& event) {
  const bool answers = session.info.role == Role::client && event.direction == Direction::received;
  if ((answers || session.info.role == Role::unknown) && session.ahead(event)) {
    // Should they still come, it is too late: they would be taken for a later request.
    lose(session, opposite(event.direction), event.other_offset, event);
  }
  std::uint64_t skip = 0;
  if (!session.opaque() && advance(session, event, skip)) {
    if (session.detection && skip == 0) detect(session, event);
    if (session.parser) feed(session, event, skip);
  }
  if (!session.parser) return;
  weigh(session, event.time);
  if (!session.parser->wants_more()) make_opaque(session);
}

void SessionTable::weigh(Session& session, base::BootTime now) {
  const std::size_t bytes = session.parser->memory_bytes();
  const bool grows = bytes > session.parser_bytes;
  parser_bytes_ += bytes - session.parser_bytes;
  session.parser_bytes = bytes;
  if (grows && parser_bytes_ > kMaxParserBytesTotal) session.parser->on_no_memory(now);
}

// The bytes before end are not there and will not be taken any more.
void SessionTable::lose(Session& session, Direction direction, std::uint64_t end,
                        const model::StreamData& at) {
  auto& expected = session.next(direction);
  const std::uint64_t begin = std::exchange(expected, end).value_or(end);
  if (session.detection) {
    exchanges_.on_gap();
    session.detection->lose();
    return;
  }
  const bool own = direction == at.direction;
  const HoleKind kind =
      session.parser->on_hole({direction, begin, own ? at.other_offset : at.offset, end - begin,
                               at.time, true, at.process});
  // Inside content nothing was missed where a record is late, or none was made: splice(2) takes
  // received bytes out of a socket without passing a tracepoint.
  const bool none_expected = !own || direction == Direction::received;
  if (kind != HoleKind::content || !none_expected) exchanges_.on_gap();
}

// Moves the expected offset over the record; reports what was lost before it. skip: how much of the
// record was there already. False: all of it.
bool SessionTable::advance(Session& session, const model::StreamData& event, std::uint64_t& skip) {
  auto& expected = session.next(event.direction);
  auto& other = session.next(opposite(event.direction));
  if (!other) other = event.other_offset;  // joined midway: here the other direction stood
  const std::uint64_t from = expected.value_or(event.offset);
  const std::uint64_t end = event.offset + event.total_bytes;
  if (end <= from) return false;
  skip = from > event.offset ? from - event.offset : 0;
  if (event.offset > from) lose(session, event.direction, event.offset, event);
  expected = end;
  return true;
}

void SessionTable::feed(Session& session, const model::StreamData& event, std::uint64_t skip) {
  ProtocolParser& parser = *session.parser;
  parser.set_memory_tight(parser_bytes_ > kTightParserBytesTotal);
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

// One of the first bytes is a sure sign, as nothing of ours begins like that; else two are.
bool SessionTable::is_encrypted(Session& session, const model::StreamData& event) {
  constexpr std::uint8_t kSigns = 2;
  constexpr std::size_t kHeaderBytes = 5;
  if (session.info.encrypted() || !begins_tls_record(event.head)) return false;
  const bool is_first = session.info.seen_from_start && event.offset == 0;
  session.tls_records = is_first ? kSigns : static_cast<std::uint8_t>(session.tls_records + 1);
  if (tap_ != nullptr) tap_->retain(event.connection, event.direction, event.offset, kHeaderBytes);
  if (session.tls_records < kSigns) return false;
  if (!session.has_plaintext) encrypted_.on_recognised(event.connection, event.process, event.time);
  return true;
}

void SessionTable::detect(Session& session, const model::StreamData& event) {
  if (is_encrypted(session, event)) return make_opaque(session);
  switch (session.detection->take(event)) {
    case Detection::Outcome::undecided: break;
    case Detection::Outcome::found: start(session); break;
    case Detection::Outcome::hopeless:
      if (session.info.encrypted()) encrypted_.on_nothing_found();
      make_opaque(session);
      break;
  }
}

void SessionTable::start(Session& session) {
  const std::unique_ptr<Detection> detection = std::move(session.detection);
  const ProtocolDescriptor& descriptor = detection->descriptor();
  session.info.role = detection->role();
  session.protocol =
      static_cast<std::uint8_t>(std::ranges::find(registry_, &descriptor) - registry_.begin());
  model::ConnectionInfo info = session.info;
  info.seen_from_start = detection->from_start();
  make_parser(session, info);
  detection->replay(*session.parser);
}

void SessionTable::make_parser(Session& session, const model::ConnectionInfo& info) {
  const ProtocolDescriptor& descriptor = *registry_[session.protocol];
  session.parser = descriptor.make(info, exchanges_, tap_);
  model::CapturePolicy policy{descriptor.request_turn_bytes, descriptor.answer_turn_bytes};
  if (info.role == Role::client) std::swap(policy.received_turn_bytes, policy.sent_turn_bytes);
  policies_.set_policy(info.slot, policy);
}

void SessionTable::make_opaque(Session& session) {
  session.detection.reset();
  session.parser.reset();
  parser_bytes_ -= std::exchange(session.parser_bytes, 0);
  policies_.set_policy(session.info.slot, model::CapturePolicy::ignore());
  counters_.opaque_connections.add();
}

void SessionTable::on_send_closed(const model::SendClosed& event) {
  const auto place = sessions_.find(event.connection);
  if (place != sessions_.end() && place->second.parser) {
    touch(place->second);
    place->second.parser->on_send_closed(event.time);
  }
  if (tap_ != nullptr) tap_->on_send_closed(event);
}

void SessionTable::on_closed(const model::ConnectionClosed& event) {
  encrypted_.on_closed(event.connection, event.time);
  const auto place = sessions_.find(event.connection);
  if (place != sessions_.end()) {
    release_all(place->second);
    if (place->second.parser) place->second.parser->on_closed(event.time);
    if (place->second.detection && place->second.info.encrypted()) encrypted_.on_nothing_found();
    parser_bytes_ -= place->second.parser_bytes;
    if (!holding_.empty()) holding_.erase(event.connection);
    if (book_) book_->remove(place->second.book_place);
    sessions_.erase(place);
  }
  if (tap_ != nullptr) tap_->on_closed(event);
}

void SessionTable::flush(base::BootTime now) {
  for (auto& [id, session] : sessions_) {
    release_all(session);
    if (session.parser) session.parser->on_unwatched(now);
    if (book_) book_->remove(session.book_place);
  }
  sessions_.clear();
  parser_bytes_ = 0;
  holding_.clear();
}

}  // namespace beyla::protocols::session
