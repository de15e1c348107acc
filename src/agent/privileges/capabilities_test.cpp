#include "agent/privileges/capabilities.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using ::testing::ElementsAre;
using testing::run_in_child;
using testing::Teller;

std::string shown(const CapabilitySets& sets) {
  return fmt::format("e={:x} p={:x} i={:x} a={:x} b={:x}", sets.effective, sets.permitted,
                     sets.inheritable, sets.ambient, sets.bounding);
}

TEST(MissingCapabilities, SaysWhatIsLostWithoutEach) {
  const auto report =
      missing_capabilities(kBrokerCapabilities, bit_of(CAP_BPF) | bit_of(CAP_SYS_PTRACE));
  ASSERT_EQ(report.rows.size(), 5U);
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.missing_names(), "CAP_PERFMON, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE");
  EXPECT_TRUE(report.rows[0].held);
  EXPECT_EQ(report.rows[1].loss, Loss::everything);
  EXPECT_EQ(report.rows[3].loss, Loss::some);
  EXPECT_THAT(std::string(report.rows[3].without), ::testing::HasSubstr("OTEL_SERVICE_NAME"));
}

TEST(MissingCapabilities, CountsWhatIncludesAnotherAsHeld) {
  const auto report =
      missing_capabilities(kBrokerCapabilities, bit_of(CAP_SYS_ADMIN) | bit_of(CAP_DAC_OVERRIDE));
  EXPECT_EQ(report.missing_names(), "CAP_SYS_PTRACE");
  EXPECT_EQ(report.rows[0].held_by, CAP_SYS_ADMIN);
  EXPECT_EQ(report.rows[1].held_by, CAP_SYS_ADMIN);
  EXPECT_EQ(report.rows[3].held_by, CAP_DAC_OVERRIDE);
}

TEST(MissingCapabilities, KnowsNumbersBeyondItsTable) {
  constexpr int kWanted[] = {CAP_NET_ADMIN};
  EXPECT_FALSE(missing_capabilities(kWanted, 0).complete());
  EXPECT_TRUE(missing_capabilities(kWanted, bit_of(CAP_NET_ADMIN)).complete());
}

TEST(HeldFor, PutsTheHeldInPlaceOfTheMissing) {
  EXPECT_THAT(held_for(kBrokerCapabilities, bit_of(CAP_SYS_ADMIN) | bit_of(CAP_SYS_PTRACE)),
              ElementsAre(CAP_SYS_ADMIN, CAP_SYS_PTRACE));
  EXPECT_THAT(held_for(kBrokerCapabilities, bit_of(CAP_SYS_ADMIN) | bit_of(CAP_BPF)),
              ElementsAre(CAP_BPF, CAP_SYS_ADMIN));
  EXPECT_TRUE(held_for(kBrokerCapabilities, 0).empty());
}

TEST(KeepOnly, KeepsWhatIsHeldAndWantedInNoOtherSet) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: another user holds nothing to give up";
  const auto outcome = run_in_child([](const Teller& teller) {
    // Something to be emptied in the inheritable and the ambient set.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct words[2] = {};
    const auto all = own_capabilities();
    require(teller, all);
    words[0] = {static_cast<std::uint32_t>(all->effective),
                static_cast<std::uint32_t>(all->permitted), 1U << CAP_SYS_PTRACE};
    words[1] = {static_cast<std::uint32_t>(all->effective >> 32U),
                static_cast<std::uint32_t>(all->permitted >> 32U), 0};
    if (::syscall(SYS_capset, &header, words) != 0) fail_child(teller, "capset");
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_PTRACE, 0, 0) != 0) {
      fail_child(teller, "ambient");
    }
    const auto before = own_capabilities();
    if (!before || before->ambient == 0 || before->inheritable == 0) fail_child(teller, "before");
    constexpr int kKept[] = {CAP_SYS_PTRACE, CAP_BPF};
    require(teller, keep_only(kKept));
    teller.say(shown(own_capabilities().value()));
    require(teller, keep_only({}));
    teller.say(shown(own_capabilities().value()));
  });
  EXPECT_TRUE(outcome.ended_well());
  // Without CAP_SETPCAP the bounding set stays, the second time.
  EXPECT_EQ(outcome.text,
            "e=8000080000 p=8000080000 i=0 a=0 b=8000080000\n"
            "e=0 p=0 i=0 a=0 b=8000080000\n");
}

TEST(KeepOnly, GivesNothingThatIsNotHeld) {
  const auto outcome = run_in_child([](const Teller& teller) {
    constexpr int kFirst[] = {CAP_NET_BIND_SERVICE};
    require(teller, keep_only({}));
    require(teller, keep_only(kFirst));
    const auto sets = own_capabilities();
    require(teller, sets);
    teller.say(fmt::format("{:x} {:x}", sets->effective, sets->permitted));
  });
  EXPECT_EQ(outcome.text, "0 0\n");
}

}  // namespace
}  // namespace beyla::agent::privileges
