#include "agent/spawn/messages.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace beyla::agent::spawn {
namespace {

abi::spawn_request good_request() {
  return {abi::kSpawnVersion, sizeof(abi::spawn_request), abi::kSpawnChild, 2, 7, 3, 0};
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

TEST(SpawnMessages, AWholeRequestIsReadAsItIs) {
  const auto request = decode_request(bytes_of(good_request()), {4, false});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->role, 2U);
  EXPECT_EQ(request->child_id, 7U);
  EXPECT_EQ(request->file_count, 3U);
  auto kill = good_request();
  kill.kind = abi::kSpawnKill;
  kill.role = kill.file_count = 0;
  EXPECT_TRUE(decode_request(bytes_of(kill), {0, false}));
}

TEST(SpawnMessages, EachWrongFieldIsRefusedByItsName) {
  using Request = abi::spawn_request;
  struct Case {
    std::function<void(Request&)> spoil;
    Attachments attachments;
    abi::spawn_refusal refusal;
  };
  const auto as_kill = [](Request& r) { r.kind = abi::kSpawnKill, r.role = r.file_count = 0; };
  const std::vector<Case> cases{
      {[](Request&) {}, {4, true}, abi::kRefusedCut},
      {[](Request& r) { ++r.version; }, {4, false}, abi::kRefusedVersion},
      {[](Request& r) { ++r.length; }, {4, false}, abi::kRefusedSize},
      {[](Request& r) { r.kind = 0; }, {4, false}, abi::kRefusedKind},
      {[](Request& r) { r.kind = 3; }, {4, false}, abi::kRefusedKind},
      {[](Request& r) { r.child_id = 0; }, {4, false}, abi::kRefusedFields},
      {[](Request& r) { r.padding = 1; }, {4, false}, abi::kRefusedFields},
      {[](Request&) {}, {3, false}, abi::kRefusedFdCount},
      {[](Request&) {}, {5, false}, abi::kRefusedFdCount},
      {[](Request& r) { r.file_count = 17; }, {18, false}, abi::kRefusedFdCount},
      {[](Request& r) { r.file_count = 0xffffffff; }, {0, false}, abi::kRefusedFdCount},
      {as_kill, {1, false}, abi::kRefusedFdCount},
      {[&](Request& r) { as_kill(r), r.role = 1; }, {0, false}, abi::kRefusedFields},
      {[&](Request& r) { as_kill(r), r.file_count = 1; }, {0, false}, abi::kRefusedFields},
  };
  for (const Case& each : cases) {
    auto request = good_request();
    each.spoil(request);
    const auto decoded = decode_request(bytes_of(request), each.attachments);
    ASSERT_FALSE(decoded) << refusal_text(each.refusal);
    EXPECT_STREQ(refusal_text(decoded.error()), refusal_text(each.refusal));
  }
}

TEST(SpawnMessages, EveryOtherSizeIsRefused) {
  const std::vector<std::byte> bytes(2 * sizeof(abi::spawn_request), std::byte{1});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (size == sizeof(abi::spawn_request)) continue;
    const auto decoded = decode_request(std::span(bytes).first(size), {});
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error(), abi::kRefusedSize);
  }
}

TEST(SpawnMessages, ReportsAreAcceptedOnlyWithWhatTheirKindNeeds) {
  using Report = abi::spawn_report;
  const Report started{
      abi::kSpawnVersion, sizeof(Report), abi::kSpawnStarted, 0, 7, 100, 0, 0, 0, 0, 0};
  ASSERT_TRUE(decode_report(bytes_of(started)));
  const auto accepts = [&](const std::function<void(Report&)>& change) {
    Report report = started;
    change(report);
    return decode_report(bytes_of(report)).has_value();
  };
  EXPECT_TRUE(accepts([](Report& r) { r.kind = abi::kSpawnExited, r.signal = 9; }));
  EXPECT_TRUE(accepts([](Report& r) {
    r.kind = abi::kSpawnRefused, r.refusal = abi::kRefusedFork, r.child_id = 0, r.pid = 0;
  }));
  EXPECT_FALSE(accepts([](Report& r) { ++r.version; }));
  EXPECT_FALSE(accepts([](Report& r) { ++r.length; }));
  EXPECT_FALSE(accepts([](Report& r) { r.kind = 4; }));
  EXPECT_FALSE(accepts([](Report& r) { r.child_id = 0; }));
  EXPECT_FALSE(accepts([](Report& r) { r.pid = -1; }));
  EXPECT_FALSE(accepts([](Report& r) { r.kind = abi::kSpawnRefused; }));
  EXPECT_FALSE(accepts([](Report& r) { r.kind = abi::kSpawnRefused, r.refusal = 11; }));
  EXPECT_FALSE(accepts([](Report& r) { r.kind = abi::kSpawnExited, r.signal = 65; }));
  EXPECT_FALSE(accepts([](Report& r) { r.kind = abi::kSpawnExited, r.exit_code = 256; }));
  EXPECT_FALSE(decode_report(bytes_of(started).first(55)));
}

TEST(SpawnMessages, AHelloWithoutAnEndOfItsTextIsRefused) {
  abi::spawn_hello hello{abi::kSpawnVersion, sizeof(hello), 0, 1, {}};
  EXPECT_TRUE(decode_hello(bytes_of(hello)));
  hello.problem[abi::kSpawnProblemBytes - 1] = 'x';
  EXPECT_FALSE(decode_hello(bytes_of(hello)));
  hello.problem[abi::kSpawnProblemBytes - 1] = 0;
  hello.ready = 2;
  EXPECT_FALSE(decode_hello(bytes_of(hello)));
}

}  // namespace
}  // namespace beyla::agent::spawn
