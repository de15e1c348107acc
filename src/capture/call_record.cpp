#include "capture/call_record.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "abi/go_calls.h"
#include "base/byte_reader.h"
#include "capture/record_encoder.h"

namespace beyla::capture {
namespace {

using model::CallKind;

static_assert(static_cast<int>(CallKind::http1_begin) == abi::kGoHttp1Begin);
static_assert(static_cast<int>(CallKind::http2_panic) == abi::kGoHttp2Panic);
static_assert(static_cast<int>(CallKind::grpc_end) == abi::kGoGrpcEnd);
static_assert(static_cast<int>(CallKind::client_end) == abi::kGoClientEnd);
static_assert(static_cast<int>(CallKind::grpc_client_end) == abi::kGoGrpcClientEnd);
static_assert(static_cast<int>(CallKind::route) == abi::kGoRoute);
static_assert(static_cast<int>(CallKind::hijack) == abi::kGoHijack);
static_assert(static_cast<int>(CallKind::trace_parent) == abi::kGoTraceParent);
static_assert(static_cast<int>(CallKind::trace_parent) + 1 == abi::kGoCalls);
static_assert(model::kMaxAncestors == abi::kGoAncestors);

constexpr std::uint32_t kKnownFlags =
    abi::kGoTls | abi::kGoFailed | abi::kGoInHttp | abi::kGoMorePieces | abi::kGoBareTarget;

// Kinds that mean nothing without their texts. Others may have some.
bool needs_texts(CallKind kind) {
  switch (kind) {
    case CallKind::http1_end:
    case CallKind::http2_end:
    case CallKind::grpc_begin:
    case CallKind::client_begin:
    case CallKind::grpc_client_begin:
    case CallKind::route:
    case CallKind::trace_parent: return true;
    default: return false;
  }
}

std::optional<std::uint64_t> to_bytes(std::int64_t bytes) {
  if (bytes < 0) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

// Numbers of the watched process; a wrong one may be anything.
bool is_right(const abi::event_call& event) {
  return event.kind > abi::kGoCallNone && event.kind < abi::kGoCalls &&
         (event.flags & ~kKnownFlags) == 0;
}

model::FunctionCall to_call(const abi::event_call& event) {
  model::FunctionCall call;
  call.kind = static_cast<CallKind>(event.kind);
  call.time =
      base::BootTime(std::chrono::nanoseconds(static_cast<std::int64_t>(event.header.time_ns)));
  call.process = {event.process.pid, event.process.exec_generation, event.process.start_ns};
  call.origin.goroutine = event.goroutine;
  call.origin.goroutine_id = event.goroutine_id;
  call.origin.parent_goroutine_id = event.parent_goroutine_id;
  call.origin.context = event.context;
  call.connection = event.header.connection_id;
  call.call = event.call;
  call.owner = event.owner;
  call.tls = (event.flags & abi::kGoTls) != 0;
  call.failed = (event.flags & abi::kGoFailed) != 0;
  call.in_http = (event.flags & abi::kGoInHttp) != 0;
  call.more_pieces = (event.flags & abi::kGoMorePieces) != 0;
  call.status = event.status;
  call.request_bytes = to_bytes(event.request_bytes);
  call.response_bytes = to_bytes(event.response_bytes);
  if (event.remote_port != 0) {
    model::Endpoint& remote = call.remote.emplace();
    std::ranges::copy(event.remote_address, remote.address.bytes.begin());
    remote.port = event.remote_port;
  }
  return call;
}

// Nearest first; what stands behind the end means nothing.
void take_ancestors(const std::uint64_t* begin, model::CallOrigin& origin) {
  for (std::size_t i = 0; i < model::kMaxAncestors && begin[i] != 0; ++i) {
    origin.ancestors[i] = begin[i];
  }
}

// `texts` stands at the begin of `rest`; views of `rest` go into the call.
bool take_texts(std::span<const std::byte> rest, model::FunctionCall& call) {
  base::ByteReader reader(rest);
  const auto texts = reader.read_struct<abi::event_call_texts>();
  if (!texts || texts->target_copied > abi::kGoTargetBytes) return false;
  if (texts->target_copied > texts->target_length) return false;
  if (reader.remaining() != texts->target_copied) return false;
  const auto field = [rest](std::size_t offset, std::size_t size, std::uint32_t length) {
    return base::as_text(rest.subspan(offset, size)).substr(0, length);
  };
  call.method =
      field(offsetof(abi::event_call_texts, method), abi::kGoMethodBytes, texts->method_length);
  call.name = field(offsetof(abi::event_call_texts, name), abi::kGoNameBytes, texts->name_length);
  call.target = base::as_text(rest.last(texts->target_copied));
  call.target_cut = texts->target_length > texts->target_copied;
  take_ancestors(texts->ancestors, call.origin);
  return true;
}

// All of `rest` is the target; the status said how long it was.
bool take_bare_target(std::span<const std::byte> rest, model::FunctionCall& call) {
  if (call.kind != CallKind::route || rest.size() > abi::kGoTargetBytes) return false;
  const std::uint32_t told = std::exchange(call.status, 0);
  if (told < rest.size()) return false;
  call.target = base::as_text(rest);
  call.target_cut = told > rest.size();
  return true;
}

template <std::size_t kSize>
std::uint32_t put_text(std::string_view text, std::uint8_t (&field)[kSize]) {
  std::ranges::copy(base::as_bytes(text.substr(0, kSize)),
                    std::as_writable_bytes(std::span(field)).begin());
  return static_cast<std::uint32_t>(text.size());
}

bool has_texts(const model::FunctionCall& call) {
  return needs_texts(call.kind) || !call.method.empty() || !call.name.empty() ||
         !call.target.empty() || call.origin.ancestors[0] != 0;
}

abi::event_call_texts make_texts(const model::FunctionCall& call, std::string_view target) {
  abi::event_call_texts texts{};
  std::ranges::copy(call.origin.ancestors, texts.ancestors);
  texts.method_length = put_text(call.method, texts.method);
  texts.name_length = put_text(call.name, texts.name);
  texts.target_copied = static_cast<std::uint32_t>(target.size());
  texts.target_length = static_cast<std::uint32_t>(call.target.size());
  if (call.target_cut) texts.target_length = std::max(texts.target_length, texts.target_copied + 1);
  return texts;
}

std::uint32_t flags_of(const model::FunctionCall& call) {
  const std::pair<bool, std::uint32_t> flags[] = {{call.tls, abi::kGoTls},
                                                  {call.failed, abi::kGoFailed},
                                                  {call.in_http, abi::kGoInHttp},
                                                  {call.more_pieces, abi::kGoMorePieces}};
  std::uint32_t result = 0;
  for (const auto& [is_set, flag] : flags) result |= is_set ? flag : 0U;
  return result;
}

abi::event_call make_event(const model::FunctionCall& call) {
  abi::event_call event{};
  event.header.kind = abi::kEventCall;
  event.header.time_ns = static_cast<std::uint64_t>(call.time.time_since_epoch().count());
  event.header.connection_id = call.connection;
  event.process = {call.process.pid, call.process.exec_generation, call.process.start_ns};
  event.goroutine = call.origin.goroutine;
  event.goroutine_id = call.origin.goroutine_id;
  event.parent_goroutine_id = call.origin.parent_goroutine_id;
  event.context = call.origin.context;
  event.call = call.call;
  event.owner = call.owner;
  event.kind = static_cast<std::uint32_t>(call.kind);
  event.flags = flags_of(call);
  const auto to_abi = [](std::optional<std::uint64_t> bytes) {
    return bytes ? static_cast<std::int64_t>(*bytes) : std::int64_t{-1};
  };
  event.request_bytes = to_abi(call.request_bytes);
  event.response_bytes = to_abi(call.response_bytes);
  event.status = call.status;
  if (call.remote) {
    std::ranges::copy(call.remote->address.bytes, event.remote_address);
    event.remote_port = call.remote->port;
  }
  return event;
}

template <typename T>
void append(std::vector<std::byte>& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

bool decode_call(std::span<const std::byte> record, model::EventSink& sink) {
  base::ByteReader reader(record);
  const auto event = reader.read_struct<abi::event_call>();
  if (!event || !is_right(*event)) return false;
  model::FunctionCall call = to_call(*event);
  if ((event->flags & abi::kGoBareTarget) != 0) {
    if (!take_bare_target(record.subspan(reader.position()), call)) return false;
  } else if (reader.remaining() == 0) {
    if (needs_texts(call.kind)) return false;
  } else if (!take_texts(record.subspan(reader.position()), call)) {
    return false;
  }
  sink.on_call(call);
  return true;
}

void encode_record(const model::FunctionCall& call, std::vector<std::byte>& out) {
  abi::event_call event = make_event(call);
  if (!has_texts(call)) {
    event.header.size = sizeof(event);
    append(out, event);
    return;
  }
  const std::string_view target = call.target.substr(0, abi::kGoTargetBytes);
  event.header.size =
      static_cast<std::uint32_t>(sizeof(event) + sizeof(abi::event_call_texts) + target.size());
  append(out, event);
  append(out, make_texts(call, target));
  const auto bytes = base::as_bytes(target);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace beyla::capture
