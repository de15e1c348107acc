#include "record_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>

#include "abi/go_calls.h"

namespace beyla::tests {
namespace {

constexpr std::array kNames = std::to_array<std::string_view>(
    {"none", "http1_begin", "http1_end", "http2_begin", "http2_end", "http2_panic", "grpc_begin",
     "grpc_end", "client_begin", "client_link", "client_end", "grpc_client_begin",
     "grpc_client_retry", "grpc_client_end", "route", "panic", "hijack", "trace_parent"});
static_assert(kNames.size() == abi::kGoCalls);

template <typename T>
bool copy_out(std::span<const std::byte> bytes, T& value) {
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return true;
}

std::string address_of(const abi::event_call& call) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, call.remote_address, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), call.remote_port);
}

template <std::size_t kBytes>
std::string_view field_text(const std::uint8_t (&field)[kBytes], std::uint32_t length) {
  return {reinterpret_cast<const char*>(field), std::min<std::size_t>(length, kBytes)};
}

// One word, whatever the target wrote.
std::string shown(std::string_view text) {
  std::string word;
  for (const char letter : text) {
    const bool plain = letter > ' ' && letter < '\x7f' && letter != '%';
    word +=
        plain ? std::string(1, letter) : fmt::format("%{:02x}", static_cast<unsigned char>(letter));
  }
  return word;
}

std::string text_of_texts(std::span<const std::byte> rest) {
  abi::event_call_texts texts{};
  if (!copy_out(rest, texts)) return " CUT";
  rest = rest.subspan(sizeof(texts));
  if (rest.size() != texts.target_copied) return " CUT";
  std::string line = fmt::format(" method={} name={} target={} target_length={} ancestors=",
                                 shown(field_text(texts.method, texts.method_length)),
                                 shown(field_text(texts.name, texts.name_length)),
                                 shown({reinterpret_cast<const char*>(rest.data()), rest.size()}),
                                 texts.target_length);
  for (const std::uint64_t ancestor : texts.ancestors) {
    if (ancestor != 0) line += fmt::format("{:x},", ancestor);
  }
  return line;
}

std::string text_of_call(std::span<const std::byte> record) {
  abi::event_call call{};
  if (!copy_out(record, call) || call.kind >= kNames.size()) return "call CUT";
  std::string line = fmt::format(
      "call {} pid={} g={:x} goid={} parent={} call={:x} owner={:x} context={:x} flags={} "
      "status={} "
      "in={} out={} connection={} remote={}",
      kNames[call.kind], call.process.pid, call.goroutine, call.goroutine_id,
      call.parent_goroutine_id, call.call, call.owner, call.context, call.flags, call.status,
      call.request_bytes, call.response_bytes, call.header.connection_id, address_of(call));
  if ((call.flags & abi::kGoBareTarget) != 0) {
    const auto rest = record.subspan(sizeof(call));
    return line + fmt::format(" target={} target_length={}",
                              shown({reinterpret_cast<const char*>(rest.data()), rest.size()}),
                              call.status);
  }
  if (record.size() > sizeof(call)) line += text_of_texts(record.subspan(sizeof(call)));
  return line;
}

std::string text_of_data(std::span<const std::byte> record) {
  abi::event_data data{};
  if (!copy_out(record, data)) return "data CUT";
  const auto* head = reinterpret_cast<const char*>(record.data()) + sizeof(data);
  const std::string_view text(head,
                              std::min<std::size_t>(data.head_bytes, record.size() - sizeof(data)));
  return fmt::format("data {} g={:x} connection={} bytes={} line={}",
                     data.direction == abi::kSent ? "sent" : "received", data.goroutine,
                     data.header.connection_id, data.total_bytes,
                     shown(text.substr(0, text.find_first_of("\r\n"))));
}

}  // namespace

std::string text_of_record(std::span<const std::byte> record) {
  abi::event_header header{};
  if (!copy_out(record, header)) return "CUT";
  if (header.kind == abi::kEventCall)
    return text_of_call(record.first(std::min<std::size_t>(header.size, record.size())));
  return header.kind == abi::kEventData ? text_of_data(record) : std::string();
}

}  // namespace beyla::tests
