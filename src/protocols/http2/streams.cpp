#include "protocols/http2/streams.h"

#include <algorithm>
#include <string>
#include <utility>

#include "protocols/http1/methods.h"
#include "protocols/http2/grpc.h"

namespace beyla::protocols::http2 {

using model::IncompleteReason;
using model::Role;

namespace {

constexpr std::uint16_t kFirstFinal = 200;     // RFC 9110 §15.2: 1xx is interim
constexpr std::uint16_t kFirstRedirect = 300;  // RFC 9110 §9.3.6: 2xx opens the tunnel
constexpr std::uint16_t kOk = 200;
constexpr std::size_t kKeptStreams = 128;  // ours: memory for more is given back
constexpr std::string_view kConnect = "CONNECT";

// RFC 9113 §5.1.1: what a client opens has an odd number, what a server pushes an even one.
bool is_pushed(std::uint32_t id) { return id % 2 == 0; }

}  // namespace

Streams::Streams(const model::ConnectionInfo& connection, model::ExchangeSink& sink)
    : connection_(connection), sink_(sink), knows_requests_(connection.seen_from_start) {}

Streams::PlaceIterator Streams::place_of(std::uint32_t id) {
  const auto found = std::ranges::lower_bound(places_, id, {}, &Place::id);
  return found != places_.end() && found->id == id ? found : places_.end();
}

Streams::Stream* Streams::find(std::uint32_t id) {
  const auto place = place_of(id);
  return place == places_.end() ? nullptr : &pool_[place->index];
}

// REQUIRES: a higher id than all that are open.
void Streams::add(std::uint32_t id, Stream&& stream) {
  text_bytes_ += text_bytes_of(stream.head);
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(pool_.size()));
    pool_.emplace_back();
  }
  places_.push_back({id, free_.back()});
  pool_[free_.back()] = std::move(stream);
  free_.pop_back();
}

Streams::Stream Streams::take(PlaceIterator place) {
  Stream stream = std::move(pool_[place->index]);
  text_bytes_ -= text_bytes_of(stream.head);
  free_.push_back(place->index);
  places_.erase(place);
  release_memory();
  return stream;
}

std::vector<Streams::Stream> Streams::take_from(PlaceIterator first) {
  std::vector<Stream> taken;
  for (auto place = first; place != places_.end(); ++place) {
    taken.push_back(std::move(pool_[place->index]));
    text_bytes_ -= text_bytes_of(taken.back().head);
    free_.push_back(place->index);
  }
  places_.erase(first, places_.end());
  release_memory();
  return taken;
}

// Of many, once none of them is open any more.
void Streams::release_memory() {
  if (!places_.empty() || pool_.capacity() <= kKeptStreams) return;
  pool_ = std::vector<Stream>();  // {} would keep the memory
  free_ = std::vector<std::uint32_t>();
  places_ = std::vector<Place>();
}

std::size_t Streams::text_bytes_of(const MessageHead& head) {
  return head.target.size() + head.authority.size();
}

// What is no more than trailers belongs to a stream that was opened before we came.
bool Streams::is_request(const HeaderBlock& block, const MessageHead& head) const {
  if (is_pushed(block.stream) || block.stream <= newest_) return false;
  return head.has_pseudo_fields || block.broken;
}

void Streams::on_request_head(const HeaderBlock& block, MessageHead&& head, const FrameEnd& at,
                              bool answers_missed) {
  if (Stream* open = find(block.stream)) {
    open->request_ended = open->request_ended || block.end_stream;
    return;
  }
  if (!is_request(block, head)) return;
  newest_ = block.stream;
  knows_requests_ = true;
  Stream stream = begin(block, std::move(head), at);
  if (stream.request == model::kToldByOthers) {
    told_by_others_ = true;
    return;
  }
  stream.gap = answers_missed;
  if (!make_room(text_bytes_of(stream.head), at.time)) {
    return give_up(stream, IncompleteReason::limit, at.time);
  }
  add(block.stream, std::move(stream));
}

Streams::Stream Streams::begin(const HeaderBlock& block, MessageHead&& head, const FrameEnd& at) {
  const bool client = connection_.role == Role::client;
  Stream stream;
  stream.process = at.process;
  if (!client) stream.arrival = block.arrival;
  stream.received = client ? block.begun : at.time;
  stream.head = std::move(head);
  stream.request_ended = block.end_stream;
  stream.request = sink_.on_begun({.process = stream.process,
                                   .role = connection_.role,
                                   .connection = connection_.id,
                                   .time = stream.received,
                                   .incoming = stream.head.trace_parent,
                                   .origin = std::nullopt,
                                   .is_http2 = true,
                                   .is_rpc = stream.head.content == ContentKind::grpc});
  return stream;
}

// Where it must be, of a stream that nobody will hear of any more.
bool Streams::make_room(std::size_t bytes, base::BootTime time) {
  const auto is_full = [&] {
    const std::size_t fixed = (places_.size() + 1) * (sizeof(Stream) + sizeof(Place));
    return places_.size() >= kMaxStreams || fixed + text_bytes_ + bytes > max_bytes_;
  };
  if (!is_full()) return true;
  const auto lost =
      std::ranges::find_if(places_, [this](const Place& place) { return pool_[place.index].gap; });
  if (lost == places_.end()) return false;
  give_up(take(lost), IncompleteReason::gap, time);
  return !is_full();
}

void Streams::on_request_data(std::uint32_t id, std::optional<std::uint32_t> bytes,
                              bool end_stream) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->body_bytes += bytes.value_or(0);
  if (!bytes) stream->body_known = false;
  if (end_stream) stream->request_ended = true;
}

void Streams::on_answer_head(const HeaderBlock& block, MessageHead&& head, const FrameEnd& at) {
  if (is_pushed(block.stream)) return;
  const auto place = place_of(block.stream);
  const bool is_final = head.status && *head.status >= kFirstFinal;
  if (place == places_.end()) {
    if (is_final && knows_requests_ && block.stream > newest_) sink_.on_unpaired();
    return;
  }
  Stream& stream = pool_[place->index];
  stream.answered_until = at.time;
  if (head.status && !is_final && !block.end_stream) return;
  stream.answered = true;
  if (is_final) stream.status = head.status;
  if (head.has_unknown) stream.answer_unknown = true;
  if (head.content != ContentKind::not_said) stream.answer_content = head.content;
  if (head.grpc_status) stream.grpc_status = head.grpc_status;
  const bool tunnel =
      is_final && *head.status < kFirstRedirect && stream.head.operation == kConnect;
  if (block.end_stream || tunnel) finish(take(place), at.time, true);
}

void Streams::on_answer_data(std::uint32_t id, bool end_stream, const FrameEnd& at) {
  const auto place = place_of(id);
  if (place == places_.end()) return;
  Stream& stream = pool_[place->index];
  stream.answered_until = at.time;
  // Its head passed unseen.
  if (!std::exchange(stream.answered, true)) stream.answer_unknown = true;
  if (end_stream) finish(take(place), at.time, false);
}

// by_head: HEADERS were the last that came, as a call of gRPC ends, and not DATA.
Streams::Kind Streams::kind_of(const Stream& stream, bool by_head) {
  const MessageHead& head = stream.head;
  if (head.content == ContentKind::grpc) return Kind::grpc;
  const bool is_post = head.operation.empty() || head.operation == "POST";
  if (head.content == ContentKind::other || !head.has_unknown || !is_post) return Kind::http;
  if (stream.answer_content == ContentKind::grpc || stream.grpc_status) return Kind::grpc;
  if (stream.answer_content == ContentKind::other) return Kind::http;
  if (!stream.answered) return Kind::unknown;
  return !stream.answer_unknown || !by_head ? Kind::http : Kind::unknown;
}

void Streams::finish(const Stream& stream, base::BootTime end, bool by_head) {
  const Kind kind = kind_of(stream, by_head);
  if (kind == Kind::grpc) return finish_grpc(stream, end, by_head);
  if (kind == Kind::http && stream.status) return emit(stream, kind, *stream.status, end);
  give_up(stream, IncompleteReason::gap, end);
}

void Streams::finish_grpc(const Stream& stream, base::BootTime end, bool by_head) {
  if (stream.grpc_status) return emit(stream, Kind::grpc, *stream.grpc_status, end);
  if (stream.answer_unknown || !stream.status) {
    return give_up(stream, IncompleteReason::gap, end);
  }
  // grpc-go, handleData(): "server closed the stream without sending trailers".
  const bool without_trailers = *stream.status == kOk && !by_head;
  emit(stream, Kind::grpc, without_trailers ? kGrpcInternal : grpc_status_of_http(*stream.status),
       end);
}

void Streams::on_reset(std::uint32_t id, bool by_client, std::optional<std::uint32_t> code,
                       base::BootTime time) {
  const auto place = place_of(id);
  if (place == places_.end()) return;
  const Stream stream = take(place);
  // A server may reset what it has answered in full (RFC 9113 §8.1), a client would have no reason.
  if (stream.gap && !by_client) return give_up(stream, IncompleteReason::gap, time);
  if (kind_of(stream, true) == Kind::grpc) return reset_grpc(stream, code, time);
  end_unanswered(stream, time);
}

void Streams::reset_grpc(const Stream& stream, std::optional<std::uint32_t> code,
                         base::BootTime time) {
  if (stream.grpc_status) return emit(stream, Kind::grpc, *stream.grpc_status, time);
  if (!code) return give_up(stream, IncompleteReason::gap, time);
  if (*code == kErrorRefusedStream) return end_unanswered(stream, time);
  const bool late = *code == kErrorCancel && is_late(stream, time);
  emit(stream, Kind::grpc, late ? kGrpcDeadlineExceeded : grpc_status_of_reset(*code), time);
}

// By its deadline. A server may have been slow to read the request.
bool Streams::is_late(const Stream& stream, base::BootTime time) {
  const auto timeout = stream.head.grpc_timeout;
  const base::BootTime begun = stream.arrival.value_or(stream.received);
  return timeout && is_deadline(*timeout, time - begun);
}

// As the calls of Go programs say it: a client of gRPC has a code for that.
void Streams::end_unanswered(const Stream& stream, base::BootTime time) {
  const Kind kind = kind_of(stream, true);
  if (kind == Kind::http && stream.status) {
    return emit(stream, kind, *stream.status, stream.answered_until);
  }
  if (stream.gap || (kind != Kind::grpc && stream.answered)) {
    return give_up(stream, IncompleteReason::gap, time);
  }
  if (kind == Kind::grpc && connection_.role == Role::client) {
    return emit(stream, kind, kGrpcUnavailable, time);
  }
  give_up(stream, IncompleteReason::no_answer, time);
}

void Streams::on_goaway(std::uint32_t last_stream, base::BootTime time) {
  const auto first = std::ranges::upper_bound(places_, last_stream, {}, &Place::id);
  for (const Stream& stream : take_from(first)) end_unanswered(stream, time);
}

void Streams::on_requests_lost() {
  for (const Place& place : places_) {
    Stream& stream = pool_[place.index];
    stream.gap = true;
    if (!stream.request_ended) stream.body_known = false;
  }
}

void Streams::on_answers_lost() {
  for (const Place& place : places_) pool_[place.index].gap = true;
}

// A client that exits at its deadline resets nothing any more.
void Streams::end_all(base::BootTime time) {
  for (const Stream& stream : take_from(places_.begin())) {
    const bool late = !stream.gap && is_late(stream, time);
    if (late && kind_of(stream, true) == Kind::grpc) {
      emit(stream, Kind::grpc, kGrpcDeadlineExceeded, time);
    } else {
      end_unanswered(stream, time);
    }
  }
}

void Streams::drop_all(IncompleteReason reason, base::BootTime time) {
  for (const Stream& stream : take_from(places_.begin())) give_up(stream, reason, time);
}

void Streams::withdraw_all() {
  for (const Stream& stream : take_from(places_.begin())) {
    sink_.on_withdrawn({stream.process, connection_.role, stream.request});
  }
}

void Streams::emit(const Stream& stream, Kind kind, std::uint32_t outcome, base::BootTime end) {
  model::Exchange exchange = exchange_of(stream, kind);
  exchange.end = std::max(end, exchange.received);
  model::Semantics& semantics = exchange.semantics;
  semantics.outcome = std::to_string(outcome);
  // As of the calls of Go programs, see finish_grpc() of calls/server_calls.cpp.
  const bool may_be_anything = connection_.role == Role::server && outcome == kGrpcUnimplemented;
  if (kind == Kind::grpc && may_be_anything && !stream.head.target.empty()) {
    semantics.target = std::exchange(semantics.operation, std::string(http1::kOtherMethod));
  }
  sink_.on_exchange(std::move(exchange));
}

void Streams::give_up(const Stream& stream, IncompleteReason reason, base::BootTime time) {
  const model::Exchange unanswered = exchange_of(stream, kind_of(stream, true));
  sink_.on_incomplete(
      {stream.process, connection_.role, reason, time, stream.request, &unanswered});
}

model::Exchange Streams::exchange_of(const Stream& stream, Kind kind) const {
  const MessageHead& head = stream.head;
  model::Exchange exchange;
  exchange.request = stream.request;
  exchange.connection = connection_.id;
  exchange.process = stream.process;
  exchange.role = connection_.role;
  exchange.local = connection_.local;
  exchange.remote = connection_.remote;
  if (connection_.role == Role::client) exchange.server_name = head.authority;
  exchange.is_http2 = true;
  exchange.arrival = stream.arrival;
  exchange.received = stream.received;
  if (stream.request_ended && stream.body_known) exchange.request_body_bytes = stream.body_bytes;
  model::Semantics& semantics = exchange.semantics;
  if (kind == Kind::grpc) {
    semantics.family = model::MetricFamily::rpc;
    semantics.operation = head.target.empty() ? http1::kOtherMethod : std::string_view(head.target);
  } else {
    semantics.operation = head.operation.empty() ? http1::kOtherMethod : head.operation;
    semantics.target = head.target;
  }
  semantics.is_partly_unknown =
      head.target.empty() || (kind == Kind::http && head.operation.empty());
  return exchange;
}

}  // namespace beyla::protocols::http2
