#include "protocols/session/detection.h"

#include <algorithm>

namespace beyla::protocols::session {

using model::Role;

void Detection::Side::forget() {
  bytes.clear();
  records.clear();
}

Detection::Detection(std::span<const ProtocolDescriptor* const> registry,
                     const model::ConnectionInfo& connection, RetentionSink* retention)
    : registry_(registry),
      retention_(retention),
      role_(connection.role),
      from_start_(connection.seen_from_start) {
  if (from_start_) sides_[0].end = sides_[1].end = 0;
}

void Detection::resume(std::uint64_t received_end, std::uint64_t sent_end) {
  Side& received = sides_[static_cast<std::size_t>(model::Direction::received)];
  Side& sent = sides_[static_cast<std::size_t>(model::Direction::sent)];
  received.end = sent.other_offset = received_end;
  sent.end = received.other_offset = sent_end;
}

Detection::Outcome Detection::take(const model::StreamData& event) {
  Side& side = sides_[static_cast<std::size_t>(event.direction)];
  side.end = event.offset + event.total_bytes;
  side.other_offset = event.other_offset;
  if (role_ != Role::unknown && event.direction != request_direction(role_)) {
    const bool first = from_start_ && event.other_offset == 0;
    return first && !may_answer_first(event) ? Outcome::hopeless : Outcome::undecided;
  }
  Verdict verdict = extend(side, event);
  if (verdict.result == DetectResult::no_match && !side.records.empty() && !from_start_) {
    side.forget();  // what was kept was no beginning; perhaps this record is one
    verdict = extend(side, event);
  }
  if (verdict.result == DetectResult::no_match && !from_start_) verdict = join(event);
  if (verdict.result == DetectResult::match) return on_match(verdict, event);
  const bool whole = event.head.size() == event.total_bytes;
  if (verdict.result == DetectResult::no_match || !whole) return on_mismatch(side);
  const Segment segment{event.direction, event.offset,  event.other_offset, {},
                        event.time,      event.arrival, event.process,      true};
  side.records.push_back({segment, event.head.size()});
  if (retention_ != nullptr) retain_undecided(event, side);
  return Outcome::undecided;
}

void Detection::retain_undecided(const model::StreamData& event, const Side& side) const {
  std::size_t unsafe = 0;
  for (const ProtocolDescriptor* descriptor : registry_) {
    if (descriptor->private_bytes == nullptr) continue;
    unsafe = std::max(unsafe, descriptor->private_bytes(side.bytes.view()));
  }
  const std::size_t before = side.bytes.size() - event.head.size();
  const std::size_t skipped = unsafe > before ? unsafe - before : 0;
  retention_->retain(event.connection, event.direction, event.offset + skipped,
                     event.head.size() - skipped);
}

// Judges what is kept with the bytes behind it; no more is kept than decides.
Detection::Verdict Detection::extend(Side& side, const model::StreamData& event) const {
  const std::size_t room = kMaxDetectBytes - side.bytes.size();
  const std::span<const std::byte> taken = event.head.first(std::min(event.head.size(), room));
  side.bytes.append(taken);
  const Verdict verdict = judge(event.direction, side.bytes.view());
  const bool undecided = verdict.result == DetectResult::need_more;
  return undecided && side.bytes.size() == kMaxDetectBytes ? Verdict{} : verdict;
}

Detection::Verdict Detection::judge(model::Direction direction,
                                    std::span<const std::byte> bytes) const {
  Verdict verdict;
  if (bytes.empty()) return verdict;
  for (const ProtocolDescriptor* descriptor : registry_) {
    const DetectResult result = descriptor->detect(direction, bytes);
    if (result == DetectResult::match) return {result, descriptor};
    if (result == DetectResult::need_more) verdict.result = result;
  }
  return verdict;
}

// In what role both sides send the same: nobody knows who asks where the kernel does not.
Detection::Verdict Detection::join(const model::StreamData& event) const {
  if (role_ == Role::unknown) return {};
  for (const ProtocolDescriptor* descriptor : registry_) {
    if (descriptor->joins != nullptr && descriptor->joins(event.head)) {
      return {DetectResult::match, descriptor};
    }
  }
  return {};
}

// REQUIRES: nothing was asked yet. What comes behind its first words goes with them.
bool Detection::may_answer_first(const model::StreamData& event) const {
  return event.offset > 0 ||
         std::ranges::any_of(registry_, [&event](const ProtocolDescriptor* descriptor) {
           return descriptor->answers_first != nullptr && descriptor->answers_first(event.head);
         });
}

Detection::Outcome Detection::on_match(const Verdict& verdict, const model::StreamData& event) {
  if (!from_start_ && waits_behind_lost(*verdict.descriptor, event)) {
    if (retention_ != nullptr) {
      retain_deciding(event, sides_[static_cast<std::size_t>(event.direction)]);
    }
    return Outcome::hopeless;
  }
  descriptor_ = verdict.descriptor;
  role_ = event.direction == request_direction(Role::client) ? Role::client : Role::server;
  return Outcome::found;
}

// Bytes of this direction passed since the newest answer, and not even the shortest answer since: a
// request waits in front of this one that we never saw.
bool Detection::waits_behind_lost(const ProtocolDescriptor& descriptor,
                                  const model::StreamData& event) const {
  if (descriptor.is_multiplexed) return false;
  const Side& own = sides_[static_cast<std::size_t>(event.direction)];
  const Side& answers = sides_[static_cast<std::size_t>(opposite(event.direction))];
  const std::uint64_t begin =
      own.records.empty() ? event.offset : own.records.front().segment.offset;
  // Where no answer was seen only its absence is sure: a few bytes may be of another's making.
  const std::uint64_t least = answers.end.value_or(0) == 0 ? 1 : descriptor.min_answer_bytes;
  return answers.end && answers.other_offset < begin && event.other_offset < *answers.end + least;
}

// No parser will name the bytes of this record: those that decided are kept, and no more.
void Detection::retain_deciding(const model::StreamData& event, const Side& side) const {
  std::size_t before = 0;
  for (const Kept& kept : side.records) before += kept.size;
  const std::span<const std::byte> bytes = side.bytes.view();
  std::size_t length = before + 1;
  while (length < bytes.size() &&
         judge(event.direction, bytes.first(length)).result != DetectResult::match) {
    ++length;
  }
  retention_->retain(event.connection, event.direction, event.offset, length - before);
}

Detection::Outcome Detection::on_mismatch(Side& side) {
  side.forget();
  return from_start_ || ++tries_ >= kMaxDetectTries ? Outcome::hopeless : Outcome::undecided;
}

void Detection::lose() {
  from_start_ = false;
  for (Side& side : sides_) side.forget();
}

void Detection::replay(ProtocolParser& parser) const {
  const Side& side = sides_[static_cast<std::size_t>(request_direction(role_))];
  std::span<const std::byte> bytes = side.bytes.view();
  for (const Kept& kept : side.records) {
    Segment segment = kept.segment;
    segment.bytes = bytes.first(kept.size);
    bytes = bytes.subspan(kept.size);
    parser.on_bytes(segment);
  }
}

}  // namespace beyla::protocols::session
