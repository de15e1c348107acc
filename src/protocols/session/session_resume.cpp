// The table's connections in its book, and out of the book of a predecessor.
#include <algorithm>
#include <limits>

#include "protocols/session/session.h"

namespace beyla::protocols::session {
namespace {

using model::Direction;
using Entry = ConnectionBook::Entry;
using State = ConnectionBook::State;

void put_endpoint(const model::Endpoint& endpoint, std::uint8_t (&address)[16],
                  std::uint16_t& port) {
  std::ranges::copy(endpoint.address.bytes, std::begin(address));
  port = endpoint.port;
}

model::Endpoint endpoint_of(const std::uint8_t (&address)[16], std::uint16_t port) {
  model::Endpoint endpoint;
  std::ranges::copy(address, endpoint.address.bytes.begin());
  endpoint.port = port;
  return endpoint;
}

model::ConnectionInfo info_of(const Entry& entry) {
  model::ConnectionInfo info;
  info.id = entry.id;
  info.role = entry.role;
  info.seen_from_start = (entry.flags & ConnectionBook::kFromStart) != 0;
  info.local = endpoint_of(entry.local_address, entry.local_port);
  info.remote = endpoint_of(entry.remote_address, entry.remote_port);
  info.slot = {entry.slot, entry.slot_generation};
  info.carrier = model::carrier_of(entry.id);
  return info;
}

StreamPositions positions_of(const Entry& entry) {
  if (request_direction(entry.role) == Direction::received) {
    return {entry.received_end, entry.sent_end};
  }
  return {entry.sent_end, entry.received_end};
}

// Stands for records that a predecessor read and held: their bytes died with it.
model::StreamData held_by_predecessor(const Entry& entry, base::BootTime now) {
  model::StreamData event;
  event.time = now;
  event.connection = entry.id;
  event.direction = Direction::received;
  event.offset = entry.received_end;
  event.other_offset = entry.held_sent_end;
  event.total_bytes = static_cast<std::uint32_t>(entry.held_end - entry.received_end);
  return event;
}

void put_held(const HeldRecords& held, Entry& entry) {
  const model::StreamData& newest = held.newest();
  const std::uint64_t end = newest.offset + newest.total_bytes;
  if (end <= entry.received_end) return;
  if (end - entry.received_end > std::numeric_limits<std::uint32_t>::max()) return;
  entry.flags |= ConnectionBook::kHolds;
  entry.held_end = end;
  entry.held_sent_end = std::max(newest.other_offset, held.front().other_offset);
}

}  // namespace

SessionTable::Restored SessionTable::keep_book(std::span<const std::byte> committed,
                                               base::BootTime now) {
  book_ = std::make_unique<ConnectionBook>();
  Restored restored;
  restored.refused = book_->restore(committed);
  for (std::uint32_t place = 0; place < book_->entries().size(); ++place) {
    const Entry& entry = book_->entries()[place];
    if (entry.state == State::free) continue;
    if (entry.state == State::parsed && entry.protocol >= registry_.size()) {
      book_->remove(place);
      ++restored.refused;
    } else {
      revive(place, entry, now);
      ++restored.connections;
    }
  }
  return restored;
}

void SessionTable::revive(std::uint32_t place, const Entry& entry, base::BootTime now) {
  Session& session = sessions_[entry.id];
  session.info = info_of(entry);
  session.book_place = place;
  session.last_time = now;
  const bool known = (entry.flags & ConnectionBook::kPositionsKnown) != 0;
  if (known && entry.state != State::opaque)
    session.expected = {entry.received_end, entry.sent_end};
  switch (entry.state) {
    case State::free: break;
    case State::opaque:
      // Its predecessor may have died before the kernel was told.
      policies_.set_policy(session.info.slot, model::CapturePolicy::ignore());
      break;
    case State::undecided:
      session.detection = std::make_unique<Detection>(registry_, session.info, tap_);
      if (known && !session.info.seen_from_start) {
        session.detection->resume(entry.received_end, entry.sent_end);
      }
      break;
    case State::parsed:
      session.protocol = entry.protocol;
      make_parser(session, session.info);
      session.parser->resume(entry.parser, positions_of(entry));
      if (!session.parser->wants_more()) make_opaque(session);
      break;
  }
  if ((entry.flags & ConnectionBook::kHolds) != 0 && !session.opaque()) {
    hold(session, held_by_predecessor(entry, now));
  }
  touch(session);
}

void SessionTable::note_touched(Session& session) {
  session.touched = true;
  touched_.push_back(session.info.id);
}

void SessionTable::update_book() {
  for (const model::ConnectionId id : touched_) {
    const auto place = sessions_.find(id);
    if (place == sessions_.end()) continue;
    place->second.touched = false;
    book_->update(place->second.book_place, entry_of(place->second));
  }
  touched_.clear();
}

Entry SessionTable::entry_of(const Session& session) const {
  Entry entry;
  entry.id = session.info.id;
  entry.role = session.info.role;
  entry.slot = session.info.slot.index;
  entry.slot_generation = session.info.slot.generation;
  put_endpoint(session.info.local, entry.local_address, entry.local_port);
  put_endpoint(session.info.remote, entry.remote_address, entry.remote_port);
  entry.state = State::opaque;
  if (session.opaque()) return entry;
  const auto& [received, sent] = session.expected;
  if (received && sent) {
    entry.flags |= ConnectionBook::kPositionsKnown;
    entry.received_end = *received;
    entry.sent_end = *sent;
  }
  if (session.detection) {
    entry.state = State::undecided;
    const bool nothing_passed = received == 0U && sent == 0U;
    if (session.detection->from_start() && nothing_passed) {
      entry.flags |= ConnectionBook::kFromStart;
    }
  } else {
    entry.state = State::parsed;
    entry.protocol = session.protocol;
    entry.parser = session.parser->resume_point();
  }
  if (session.held) put_held(*session.held, entry);
  return entry;
}

void SessionTable::visit_connections(
    const std::function<void(const model::ConnectionInfo&)>& visit) const {
  for (const auto& [id, session] : sessions_) visit(session.info);
}

}  // namespace beyla::protocols::session
