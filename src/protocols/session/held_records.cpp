#include "protocols/session/held_records.h"

namespace beyla::protocols::session {

void HeldRecords::push(const model::StreamData& event) {
  Record record{event, {}, event.head.size()};
  record.payload.reserve(event.head.size() + event.tail.size());
  record.payload.append(event.head);
  record.payload.append(event.tail);
  record.event.head = {};
  record.event.tail = {};
  bytes_ += record.payload.size();
  records_.push_back(std::move(record));
}

model::StreamData HeldRecords::front() const {
  const Record& record = records_.front();
  model::StreamData event = record.event;
  event.head = record.payload.view().first(record.head_bytes);
  event.tail = record.payload.view().subspan(record.head_bytes);
  return event;
}

void HeldRecords::pop_front() {
  bytes_ -= records_.front().payload.size();
  records_.pop_front();
  deadline.reset();
}

}  // namespace beyla::protocols::session
