#include "capture/call_record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "abi/go_calls.h"
#include "capture/record_decoder.h"
#include "capture/record_encoder.h"

namespace beyla::capture {
namespace {

using model::CallKind;

// What came, its texts kept.
struct Keep final : model::EventSink {
  std::vector<model::FunctionCall> calls;
  std::vector<std::string> texts;  // method, name, target of each
  void on_opened(const model::ConnectionOpened&) override {}
  void on_data(const model::StreamData&) override {}
  void on_send_closed(const model::SendClosed&) override {}
  void on_closed(const model::ConnectionClosed&) override {}
  void on_call(const model::FunctionCall& call) override {
    calls.push_back(call);
    for (const auto text : {call.method, call.name, call.target}) texts.emplace_back(text);
  }
};

struct Decoded {
  Keep keep;
  std::uint64_t malformed = 0;
};

Decoded decode(const std::vector<std::byte>& bytes) {
  Decoded decoded;
  DecoderCounts counts;
  decode_record(bytes, decoded.keep, counts);
  EXPECT_EQ(counts.delivered[abi::kEventCall].value(), 1U);
  decoded.malformed = counts.malformed.value();
  EXPECT_EQ(decoded.keep.calls.size() + decoded.malformed, 1U);
  return decoded;
}

std::vector<std::byte> encode(const model::FunctionCall& call) {
  std::vector<std::byte> bytes;
  encode_record(call, bytes);
  return bytes;
}

model::FunctionCall begun_client() {
  model::FunctionCall call;
  call.kind = CallKind::client_begin;
  call.time = base::BootTime(std::chrono::nanoseconds(5));
  call.process = {41, 2, 1000};
  call.origin = {0xc000, 7, 3, 0xc100, {0xc200, 0xc300}};
  call.connection = 77;
  call.call = 0xc400;
  call.owner = 0xc500;
  call.tls = true;
  call.status = 12;
  call.request_bytes = 9;
  call.remote.emplace();
  call.remote->address.bytes[15] = 1;
  call.remote->port = 443;
  call.method = "GET";
  call.name = "shop.example";
  call.target = "/cart";
  return call;
}

template <typename Field>
void put(std::vector<std::byte>& bytes, std::size_t offset, Field value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

constexpr std::size_t kTexts = sizeof(abi::event_call);

TEST(CallRecord, ComesBackAsItWas) {
  const model::FunctionCall call = begun_client();
  const Decoded decoded = decode(encode(call));
  ASSERT_EQ(decoded.keep.calls.size(), 1U);
  const model::FunctionCall& back = decoded.keep.calls[0];
  EXPECT_EQ(back.kind, call.kind);
  EXPECT_EQ(back.time, call.time);
  EXPECT_EQ(back.process, call.process);
  EXPECT_EQ(back.origin.goroutine, 0xc000U);
  EXPECT_EQ(back.origin.goroutine_id, 7U);
  EXPECT_EQ(back.origin.parent_goroutine_id, 3U);
  EXPECT_EQ(back.origin.context, 0xc100U);
  EXPECT_EQ(back.origin.ancestors, call.origin.ancestors);
  EXPECT_EQ(back.connection, 77U);
  EXPECT_EQ(back.call, 0xc400U);
  EXPECT_EQ(back.owner, 0xc500U);
  EXPECT_EQ(back.status, 12U);
  EXPECT_EQ(back.request_bytes, 9U);
  EXPECT_EQ(back.response_bytes, std::nullopt);
  ASSERT_TRUE(back.remote);
  EXPECT_EQ(back.remote->address, call.remote->address);
  EXPECT_EQ(back.remote->port, 443);
  EXPECT_EQ(decoded.keep.texts, (std::vector<std::string>{"GET", "shop.example", "/cart"}));
  EXPECT_FALSE(back.target_cut);
}

TEST(CallRecord, EachFlagAndEachKindComesBack) {
  for (int kind = abi::kGoHttp1Begin; kind < abi::kGoCalls; ++kind) {
    for (unsigned flags = 0; flags < 16; ++flags) {
      model::FunctionCall call;
      call.kind = static_cast<CallKind>(kind);
      call.tls = (flags & 1U) != 0;
      call.failed = (flags & 2U) != 0;
      call.in_http = (flags & 4U) != 0;
      call.more_pieces = (flags & 8U) != 0;
      const Decoded decoded = decode(encode(call));
      ASSERT_EQ(decoded.keep.calls.size(), 1U) << kind;
      const model::FunctionCall& back = decoded.keep.calls[0];
      EXPECT_EQ(back.kind, call.kind);
      EXPECT_EQ(back.tls, call.tls);
      EXPECT_EQ(back.failed, call.failed);
      EXPECT_EQ(back.in_http, call.in_http);
      EXPECT_EQ(back.more_pieces, call.more_pieces);
    }
  }
}

TEST(CallRecord, ShortOnesAreShort) {
  model::FunctionCall call;
  call.kind = CallKind::grpc_end;
  EXPECT_EQ(encode(call).size(), sizeof(abi::event_call));
  call.kind = CallKind::http2_panic;
  call.target = "/known";
  EXPECT_EQ(decode(encode(call)).keep.texts.at(2), "/known");
}

TEST(CallRecord, LongTextsAreCut) {
  model::FunctionCall call = begun_client();
  const std::string method(100, 'M');
  const std::string name(1000, 'n');
  const std::string target(5000, 't');
  call.method = method;
  call.name = name;
  call.target = target;
  const Decoded decoded = decode(encode(call));
  ASSERT_EQ(decoded.keep.calls.size(), 1U);
  EXPECT_EQ(decoded.keep.texts[0], std::string(abi::kGoMethodBytes, 'M'));
  EXPECT_EQ(decoded.keep.texts[1], std::string(abi::kGoNameBytes, 'n'));
  EXPECT_EQ(decoded.keep.texts[2], std::string(abi::kGoTargetBytes, 't'));
  EXPECT_TRUE(decoded.keep.calls[0].target_cut);
}

TEST(CallRecord, ThatATargetWasCutComesBack) {
  model::FunctionCall call = begun_client();
  call.target_cut = true;
  EXPECT_TRUE(decode(encode(call)).keep.calls.at(0).target_cut);
}

TEST(CallRecord, WhatStandsBehindTheLastAncestorIsNone) {
  auto bytes = encode(begun_client());
  put(bytes, kTexts + 3 * sizeof(std::uint64_t), std::uint64_t{0xbad});
  const auto& ancestors = decode(bytes).keep.calls.at(0).origin.ancestors;
  EXPECT_EQ(ancestors, (std::array<std::uint64_t, model::kMaxAncestors>{0xc200, 0xc300}));
}

// As the kernel half writes it.
std::vector<std::byte> bare_route(std::string_view target, std::uint32_t told) {
  model::FunctionCall call = begun_client();
  call.kind = CallKind::route;
  auto bytes = encode(call);
  bytes.resize(sizeof(abi::event_call));
  const auto text = std::as_bytes(std::span(target));
  bytes.insert(bytes.end(), text.begin(), text.end());
  put(bytes, offsetof(abi::event_header, size), static_cast<std::uint32_t>(bytes.size()));
  put(bytes, offsetof(abi::event_call, flags),
      std::uint32_t{abi::kGoBareTarget | abi::kGoMorePieces});
  put(bytes, offsetof(abi::event_call, status), told);
  return bytes;
}

TEST(CallRecord, ABareRouteIsAllTarget) {
  for (const std::string& target :
       {std::string(), std::string("/users/{id}"), std::string(abi::kGoTargetBytes, 't')}) {
    const auto told = static_cast<std::uint32_t>(target.size());
    const Decoded decoded = decode(bare_route(target, told));
    ASSERT_EQ(decoded.keep.calls.size(), 1U);
    const model::FunctionCall& call = decoded.keep.calls[0];
    EXPECT_EQ(decoded.keep.texts[2], target);
    EXPECT_EQ(call.status, 0U);
    EXPECT_EQ(call.connection, 77U);
    EXPECT_TRUE(call.more_pieces);
    EXPECT_FALSE(call.target_cut);
    EXPECT_TRUE(decode(bare_route(target, told + 1)).keep.calls.at(0).target_cut);
  }
}

TEST(CallRecord, RefusesABareRouteThatCannotBe) {
  EXPECT_EQ(decode(bare_route("/users", 5)).malformed, 1U);
  const std::string longest(abi::kGoTargetBytes + 1, 't');
  EXPECT_EQ(decode(bare_route(longest, 2000)).malformed, 1U);
}

TEST(CallRecord, RefusesEveryOtherLength) {
  const auto whole = encode(begun_client());
  for (std::size_t size = sizeof(abi::event_header); size < whole.size() + 9; ++size) {
    auto bytes = whole;
    bytes.resize(size);
    EXPECT_EQ(decode(bytes).malformed, size == whole.size() ? 0U : 1U) << size;
  }
}

TEST(CallRecord, RefusesWhatCannotBe) {
  const auto whole = encode(begun_client());
  const auto refused = [&](std::size_t offset, auto value) {
    auto bytes = whole;
    put(bytes, offset, value);
    return decode(bytes).malformed == 1;
  };
  const std::size_t kind = offsetof(abi::event_call, kind);
  const std::size_t flags = offsetof(abi::event_call, flags);
  const std::size_t length = kTexts + offsetof(abi::event_call_texts, target_length);
  const std::size_t copied = kTexts + offsetof(abi::event_call_texts, target_copied);
  EXPECT_TRUE(refused(kind, std::uint32_t{abi::kGoCallNone}));
  EXPECT_TRUE(refused(kind, std::uint32_t{abi::kGoCalls}));
  EXPECT_TRUE(refused(kind, ~std::uint32_t{0}));
  EXPECT_TRUE(refused(flags, std::uint32_t{32}));
  EXPECT_TRUE(refused(flags, std::uint32_t{abi::kGoBareTarget}));  // no route
  EXPECT_TRUE(refused(length, std::uint32_t{4}));                  // more copied than there was
  EXPECT_TRUE(refused(copied, std::uint32_t{4}));
  EXPECT_TRUE(refused(copied, ~std::uint32_t{0}));
  EXPECT_TRUE(refused(offsetof(abi::event_header, time_ns), ~std::uint64_t{0}));
  EXPECT_FALSE(refused(length, std::uint32_t{6}));
}

TEST(CallRecord, RefusesATargetBeyondItsLimit) {
  model::FunctionCall call = begun_client();
  const std::string target(abi::kGoTargetBytes, 't');
  call.target = target;
  auto bytes = encode(call);
  EXPECT_EQ(decode(bytes).malformed, 0U);
  bytes.push_back(std::byte{'t'});
  const std::uint32_t beyond = abi::kGoTargetBytes + 1;
  put(bytes, kTexts + offsetof(abi::event_call_texts, target_length), beyond);
  put(bytes, kTexts + offsetof(abi::event_call_texts, target_copied), beyond);
  EXPECT_EQ(decode(bytes).malformed, 1U);
}

TEST(CallRecord, LengthsBeyondTheirFieldsReadNoFurther) {
  auto bytes = encode(begun_client());
  put(bytes, kTexts + offsetof(abi::event_call_texts, method_length), ~std::uint32_t{0});
  put(bytes, kTexts + offsetof(abi::event_call_texts, name_length), ~std::uint32_t{0});
  const Decoded decoded = decode(bytes);
  ASSERT_EQ(decoded.keep.calls.size(), 1U);
  EXPECT_EQ(decoded.keep.texts[0].size(), std::size_t{abi::kGoMethodBytes});
  EXPECT_EQ(decoded.keep.texts[1].size(), std::size_t{abi::kGoNameBytes});
}

}  // namespace
}  // namespace beyla::capture
