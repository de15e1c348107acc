#include "capture/record_encoder.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <span>

#include "abi/events.h"

namespace beyla::capture {
namespace {

std::uint64_t to_ns(base::BootTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

abi::event_header make_header(abi::event_kind kind, std::size_t size, base::BootTime time,
                              model::ConnectionId connection) {
  return {static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(size), to_ns(time),
          connection};
}

std::uint8_t to_abi(model::Role role) {
  switch (role) {
    case model::Role::server: return abi::kRoleServer;
    case model::Role::client: return abi::kRoleClient;
    case model::Role::unknown: break;
  }
  return abi::kRoleUnknown;
}

template <typename T>
void append(std::vector<std::byte>& out, const T& record) {
  const auto bytes = std::as_bytes(std::span(&record, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

void encode_record(const model::ConnectionOpened& event, std::vector<std::byte>& out) {
  const model::ConnectionInfo& info = event.connection;
  abi::event_open record{};
  record.header = make_header(abi::kEventOpen, sizeof(record), event.time, info.id);
  record.process = {event.process.pid, event.process.exec_generation, event.process.start_ns};
  std::ranges::copy(info.local.address.bytes, record.local_address);
  std::ranges::copy(info.remote.address.bytes, record.remote_address);
  record.local_port = info.local.port;
  record.remote_port = info.remote.port;
  record.slot = info.slot.index;
  record.slot_generation = info.slot.generation;
  record.role = to_abi(info.role);
  record.seen_from_start = info.seen_from_start ? 1 : 0;
  record.carrier = info.carrier;
  append(out, record);
}

void encode_record(const model::StreamData& event, std::vector<std::byte>& out) {
  assert(event.head.size() <= std::numeric_limits<std::uint16_t>::max());
  abi::event_data record{};
  const std::size_t size = sizeof(record) + event.head.size() + event.tail.size();
  record.header = make_header(abi::kEventData, size, event.time, event.connection);
  record.process = {event.process.pid, event.process.exec_generation, event.process.start_ns};
  record.offset = event.offset;
  record.other_offset = event.other_offset;
  record.arrival_ns = event.arrival ? to_ns(*event.arrival) : 0;
  record.goroutine = event.goroutine;
  record.total_bytes = event.total_bytes;
  record.head_bytes = static_cast<std::uint16_t>(event.head.size());
  record.direction = event.direction == model::Direction::received ? abi::kReceived : abi::kSent;
  append(out, record);
  out.insert(out.end(), event.head.begin(), event.head.end());
  out.insert(out.end(), event.tail.begin(), event.tail.end());
}

void encode_record(const model::SendClosed& event, std::vector<std::byte>& out) {
  append(out, make_header(abi::kEventFin, sizeof(abi::event_header), event.time, event.connection));
}

void encode_record(const model::ConnectionClosed& event, std::vector<std::byte>& out) {
  append(out,
         make_header(abi::kEventClose, sizeof(abi::event_header), event.time, event.connection));
}

}  // namespace beyla::capture
