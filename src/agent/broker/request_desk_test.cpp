#include "agent/broker/request_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/broker/request_test_data.h"

namespace beyla::broker {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr model::ProcessKey kKey{42, 3, 1'000};
constexpr std::uint32_t kOtherSet = 5;  // a number the policy of this test allows, too

struct Desk final : RequestListener {
  Desk() { log.on_selected({kKey, {"shop"}}, now); }

  void on_ready() override { notices.emplace_back("ready"); }
  void on_delivered() override { notices.emplace_back("delivered"); }
  bool attach(const model::ProcessKey& process, abi::probe_set probes) override {
    attached.emplace_back(process, probes);
    return attach_works;
  }
  void answer(const abi::request_answer& answer) override { answers.push_back(answer); }

  void take(const abi::processor_request& request) { desk.take(bytes_of(request), now); }
  abi::request_outcome ask(const model::ProcessKey& key,
                           std::uint32_t probes = abi::kProbesSockets) {
    const std::size_t before = answers.size();
    take(make_probe_request(key, probes));
    EXPECT_EQ(answers.size(), before + 1);
    return static_cast<abi::request_outcome>(answers.back().outcome);
  }
  // Slowly enough.
  abi::request_outcome ask_later(const model::ProcessKey& key) {
    now += milliseconds(10);
    return ask(key);
  }

  base::BootTime now{std::chrono::hours(1)};
  TargetLog log;
  RequestDesk desk{{1U << abi::kProbesSockets | 1U << kOtherSet}, log, *this};
  std::vector<std::string> notices;
  std::vector<std::pair<model::ProcessKey, std::uint32_t>> attached;
  std::vector<abi::request_answer> answers;
  bool attach_works = true;
};

TEST(RequestDesk, TargetsGetWhatThePolicyAllows) {
  Desk desk;
  desk.take(make_probe_request(kKey, abi::kProbesSockets, 0xABCDEF0123456789));
  ASSERT_EQ(desk.answers.size(), 1U);
  const auto& answer = desk.answers[0];
  EXPECT_EQ(answer.version, abi::kChannelVersion);
  EXPECT_EQ(answer.kind, abi::kMessageAnswer);
  EXPECT_EQ(answer.length, sizeof(answer));
  EXPECT_EQ(answer.outcome, abi::kRequestAccepted);
  EXPECT_EQ(answer.request_id, 0xABCDEF0123456789);
  EXPECT_THAT(desk.attached, ElementsAre(std::pair(kKey, 1U)));
  EXPECT_EQ(desk.desk.counts().outcomes[abi::kRequestAccepted].value(), 1U);
}

TEST(RequestDesk, OnlyTheVeryProcessThatIsATargetNow) {
  Desk desk;
  EXPECT_EQ(desk.ask({43, 3, 1'000}), abi::kRequestNotTarget);
  EXPECT_EQ(desk.ask({42, 4, 1'000}), abi::kRequestOtherImage);
  EXPECT_EQ(desk.ask({42, 3, 1'001}), abi::kRequestOtherImage);
  desk.log.on_rejected({50, 1, 1}, desk.now);
  EXPECT_EQ(desk.ask({50, 1, 1}), abi::kRequestNotTarget);
  desk.log.on_exited(kKey, desk.now);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestNotTarget);
  EXPECT_TRUE(desk.attached.empty());
  EXPECT_EQ(desk.desk.counts().outcomes[abi::kRequestNotTarget].value(), 3U);
  EXPECT_EQ(desk.desk.counts().outcomes[abi::kRequestOtherImage].value(), 2U);
}

TEST(RequestDesk, AProcessThatCalledExecIsAnother) {
  Desk desk;
  desk.log.on_selected({{42, 4, 1'000}, {"shop"}}, desk.now);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestOtherImage);
  EXPECT_EQ(desk.ask({42, 4, 1'000}), abi::kRequestAccepted);
}

TEST(RequestDesk, SetsOutsideThePolicyAreRefused) {
  Desk desk;
  for (const std::uint32_t set : {0U, 2U, 3U, 33U, 63U, 64U, 65U, 1U << 31U, ~0U}) {
    EXPECT_EQ(desk.ask(kKey, set), abi::kRequestProbesNotAllowed) << set;
  }
  EXPECT_TRUE(desk.attached.empty());
  EXPECT_EQ(desk.ask(kKey, kOtherSet), abi::kRequestAccepted);
}

// Whatever the policy says, nothing is no set, and a 65th is not the first.
TEST(RequestDesk, APolicyOfAllBitsDoesNotAllowWhatIsNoSet) {
  Desk desk;
  RequestDesk all({~std::uint64_t{0}}, desk.log, desk);
  for (const std::uint32_t set : {0U, 64U, 65U, ~0U}) {
    all.take(bytes_of(make_probe_request(kKey, set)), desk.now);
    EXPECT_EQ(desk.answers.back().outcome, abi::kRequestProbesNotAllowed) << set;
  }
}

TEST(RequestDesk, TlsLibrariesAreLookedForEachTime) {
  Desk desk;
  RequestDesk usual({}, desk.log, desk);
  for (const std::size_t times : {1U, 2U, 3U}) {
    usual.take(bytes_of(make_probe_request(kKey, abi::kProbesTls)), desk.now);
    EXPECT_EQ(desk.answers.back().outcome, abi::kRequestAccepted);
    EXPECT_EQ(desk.attached.size(), times);
  }
}

TEST(RequestDesk, WhatIsAttachedIsNotAttachedAgain) {
  Desk desk;
  EXPECT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  desk.desk.start_over();  // the next processor asks again
  EXPECT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  EXPECT_EQ(desk.ask(kKey, kOtherSet), abi::kRequestAccepted);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  EXPECT_THAT(desk.attached, ElementsAre(std::pair(kKey, 1U), std::pair(kKey, kOtherSet)));
}

TEST(RequestDesk, WhatFailedMayBeAskedForAgain) {
  Desk desk;
  desk.attach_works = false;
  EXPECT_EQ(desk.ask(kKey), abi::kRequestAttachFailed);
  desk.attach_works = true;
  EXPECT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  EXPECT_EQ(desk.attached.size(), 2U);
}

TEST(RequestDesk, AHundredASecond) {
  Desk desk;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(desk.ask(kKey), abi::kRequestAccepted) << i;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(desk.ask(kKey), abi::kRequestTooFast) << i;
  desk.now += milliseconds(9);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestTooFast);
  desk.now += milliseconds(1);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestTooFast);
  desk.now += std::chrono::hours(24);  // rest is not saved up
  for (int i = 0; i < 100; ++i) ASSERT_EQ(desk.ask(kKey), abi::kRequestAccepted) << i;
  EXPECT_EQ(desk.ask(kKey), abi::kRequestTooFast);
}

TEST(RequestDesk, WhoNeverStopsAskingTooFastFloodsIt) {
  Desk desk;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  for (std::uint32_t i = 1; i < RequestDesk::kMaxUnwanted; ++i) {
    ASSERT_EQ(desk.ask(kKey), abi::kRequestTooFast);
    ASSERT_FALSE(desk.desk.is_flooded()) << i;
  }
  EXPECT_EQ(desk.ask(kKey), abi::kRequestTooFast);
  EXPECT_TRUE(desk.desk.is_flooded());
  EXPECT_FALSE(desk.desk.is_hostile());
  desk.desk.start_over();
  EXPECT_FALSE(desk.desk.is_flooded());
}

TEST(RequestDesk, SoDoesWhoNeverStopsSayingThatItIsReady) {
  Desk desk;
  for (std::uint32_t i = 0; i < RequestDesk::kMaxUnwanted; ++i)
    desk.take(make_notice(abi::kRequestReady));
  EXPECT_FALSE(desk.desk.is_flooded());
  desk.take(make_notice(abi::kRequestReady));
  EXPECT_TRUE(desk.desk.is_flooded());
}

TEST(RequestDesk, WhoPausesFloodsNothing) {
  Desk desk;
  for (int burst = 0; burst < 100; ++burst) {
    for (int i = 0; i < 5000; ++i) static_cast<void>(desk.ask(kKey));
    ASSERT_FALSE(desk.desk.is_flooded());
    desk.now += RequestDesk::kCalm;
  }
}

TEST(RequestDesk, ANewProcessorDoesNotGetAnotherHundred) {
  Desk desk;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(desk.ask(kKey), abi::kRequestAccepted);
  desk.desk.start_over();
  EXPECT_EQ(desk.ask(kKey), abi::kRequestTooFast);
}

TEST(RequestDesk, RefusedRequestsUseUpTheRateToo) {
  Desk desk;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(desk.ask({43, 1, 1}), abi::kRequestNotTarget);
  EXPECT_EQ(desk.ask(kKey), abi::kRequestTooFast);
}

TEST(RequestDesk, NoMoreThanTheLimitAreAttachedAndTheEndedMakeRoom) {
  Desk desk;
  const auto key = [](std::uint32_t i) { return model::ProcessKey{100 + i, 0, i}; };
  for (std::uint32_t i = 0; i < RequestDesk::kMaxAttached; ++i) {
    desk.log.on_selected({key(i), {"shop"}}, desk.now);
    ASSERT_EQ(desk.ask_later(key(i)), abi::kRequestAccepted);
  }
  EXPECT_EQ(desk.ask_later(kKey), abi::kRequestTooMany);
  EXPECT_EQ(desk.ask_later(key(7)), abi::kRequestAccepted);  // has it
  desk.log.on_exited(key(7), desk.now);
  EXPECT_EQ(desk.ask_later(kKey), abi::kRequestAccepted);
  desk.log.on_selected({{43, 0, 1}, {"shop"}}, desk.now);
  EXPECT_EQ(desk.ask_later({43, 0, 1}), abi::kRequestTooMany);
  EXPECT_EQ(desk.attached.size(), RequestDesk::kMaxAttached + 1);
}

TEST(RequestDesk, NoticesCountOncePerProcessor) {
  Desk desk;
  for (int processor = 0; processor < 2; ++processor) {
    desk.desk.start_over();
    for (int i = 0; i < 3; ++i) {
      desk.take(make_notice(abi::kRequestReady));
      desk.take(make_notice(abi::kRequestDelivered));
    }
  }
  EXPECT_THAT(desk.notices, ElementsAre("ready", "delivered", "ready", "delivered"));
  EXPECT_EQ(desk.desk.counts().ready.value(), 2U);
  EXPECT_EQ(desk.desk.counts().delivered.value(), 2U);
  EXPECT_EQ(desk.desk.counts().repeated.value(), 8U);
  EXPECT_TRUE(desk.answers.empty());
}

TEST(RequestDesk, AProcessorThatSendsGarbageIsHostile) {
  Desk desk;
  auto garbage = make_probe_request(kKey);
  garbage.version = 77;
  for (std::uint32_t i = 1; i < RequestDesk::kMaxMalformed; ++i) desk.take(garbage);
  desk.take(make_probe_request(kKey));  // in between, and no excuse
  EXPECT_FALSE(desk.desk.is_hostile());
  desk.take(garbage);
  EXPECT_TRUE(desk.desk.is_hostile());
  EXPECT_EQ(desk.answers.size(), 1U);
  EXPECT_EQ(desk.desk.counts().malformed[static_cast<std::size_t>(Malformed::version)].value(),
            RequestDesk::kMaxMalformed);
  EXPECT_EQ(desk.desk.counts().all_malformed(), RequestDesk::kMaxMalformed);
  desk.desk.start_over();
  EXPECT_FALSE(desk.desk.is_hostile());
  desk.take(garbage);
  EXPECT_FALSE(desk.desk.is_hostile());
}

}  // namespace
}  // namespace beyla::broker
