#include "capture/record_decoder.h"

#include <algorithm>
#include <cstring>

#include "abi/tls_calls.h"
#include "base/byte_reader.h"
#include "capture/call_record.h"

namespace beyla::capture {
namespace {

base::BootTime to_time(std::uint64_t ns) {
  return base::BootTime(std::chrono::nanoseconds(static_cast<std::int64_t>(ns)));
}

model::ProcessKey to_key(const abi::process_key& key) {
  return {key.pid, key.exec_generation, key.start_ns};
}

model::Endpoint to_endpoint(const std::uint8_t (&address)[16], std::uint16_t port) {
  model::Endpoint endpoint;
  std::copy(std::begin(address), std::end(address), endpoint.address.bytes.begin());
  endpoint.port = port;
  return endpoint;
}

model::Role to_role(std::uint8_t role) {
  if (role == abi::kRoleServer) return model::Role::server;
  return role == abi::kRoleClient ? model::Role::client : model::Role::unknown;
}

static_assert(model::carrier_of(ABI_TLS_ID_BIT | std::uint64_t{5} << abi::kTlsGenerationShift |
                                9) == 9);

bool decode_open(std::span<const std::byte> record, model::EventSink& sink) {
  const auto event = base::ByteReader(record).read_struct<abi::event_open>();
  if (!event) return false;
  model::ConnectionInfo info;
  info.id = event->header.connection_id;
  info.role = to_role(event->role);
  info.seen_from_start = event->seen_from_start != 0;
  info.local = to_endpoint(event->local_address, event->local_port);
  info.remote = to_endpoint(event->remote_address, event->remote_port);
  info.slot = {event->slot, event->slot_generation};
  info.carrier = event->carrier;
  sink.on_opened({to_time(event->header.time_ns), info, to_key(event->process)});
  return true;
}

bool decode_data(std::span<const std::byte> record, model::EventSink& sink) {
  base::ByteReader reader(record);
  const auto event = reader.read_struct<abi::event_data>();
  if (!event) return false;
  const auto head = reader.read_bytes(event->head_bytes);
  const auto tail = reader.read_bytes(reader.remaining());
  if (!head || !tail || head->size() + tail->size() > event->total_bytes) return false;
  if (!is_plausible_time(event->arrival_ns)) return false;
  model::StreamData data;
  data.time = to_time(event->header.time_ns);
  data.connection = event->header.connection_id;
  data.process = to_key(event->process);
  data.direction =
      event->direction == abi::kReceived ? model::Direction::received : model::Direction::sent;
  data.offset = event->offset;
  data.other_offset = event->other_offset;
  data.goroutine = event->goroutine;
  data.total_bytes = event->total_bytes;
  data.head = *head;
  data.tail = *tail;
  if (event->arrival_ns != 0) data.arrival = to_time(event->arrival_ns);
  sink.on_data(data);
  return true;
}

}  // namespace

void pass_over_record(std::span<const std::byte> record, DecoderCounts& counts) {
  const auto header = base::ByteReader(record).read_struct<abi::event_header>();
  if (header && header->kind < abi::kEventKinds) counts.delivered[header->kind].add();
  counts.malformed.add();
}

void decode_record(std::span<const std::byte> record, model::EventSink& sink,
                   DecoderCounts& counts) {
  const auto header = base::ByteReader(record).read_struct<abi::event_header>();
  if (!header || header->kind >= abi::kEventKinds) {
    counts.malformed.add();
    return;
  }
  counts.delivered[header->kind].add();
  if (!is_plausible_time(header->time_ns)) {
    counts.malformed.add();
    return;
  }
  bool decoded = true;
  const auto time = to_time(header->time_ns);
  switch (header->kind) {
    case abi::kEventOpen: decoded = decode_open(record, sink); break;
    case abi::kEventData: decoded = decode_data(record, sink); break;
    case abi::kEventFin: sink.on_send_closed({time, header->connection_id}); break;
    case abi::kEventClose: sink.on_closed({time, header->connection_id}); break;
    case abi::kEventCall: decoded = decode_call(record, sink); break;
    default: decoded = false;
  }
  if (!decoded) counts.malformed.add();
}

}  // namespace beyla::capture
