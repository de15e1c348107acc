#include "capture/ring/kernel_capture.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/fd.h"

namespace beyla::capture::ring {
namespace {

base::Fd memory_of(std::size_t bytes) {
  base::Fd fd(::memfd_create("map", 0));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(bytes)), 0);
  return fd;
}

abi::policy policy_in(const base::Fd& fd, std::uint32_t slot) {
  abi::policy policy{};
  const auto at = static_cast<off_t>(sizeof(policy) * slot);
  EXPECT_EQ(::pread(fd.get(), &policy, sizeof(policy), at), static_cast<ssize_t>(sizeof(policy)));
  return policy;
}

TEST(KernelCapture, TellsTheKernelToIgnoreOnlyWhatIsCommitted) {
  const auto page = static_cast<std::size_t>(::getpagesize());
  const base::Fd ring = memory_of(2 * page + abi::kDataRingBytes);
  const base::Fd policies = memory_of(sizeof(abi::policy) * abi::kPolicySlots);
  const base::Fd reader = memory_of(page);
  const auto capture = KernelCapture::make({ring.get(), policies.get(), reader.get(), -1});
  ASSERT_TRUE(capture.has_value());
  (*capture)->set_policy({3, 9}, {100, 200});
  EXPECT_EQ(policy_in(policies, 3).sent_turn_bytes, 200);
  (*capture)->set_policy({3, 9}, model::CapturePolicy::ignore());
  EXPECT_EQ(policy_in(policies, 3).sent_turn_bytes, 200);
  (*capture)->release();
  EXPECT_EQ(policy_in(policies, 3).sent_turn_bytes, 0);
  EXPECT_EQ(policy_in(policies, 3).received_turn_bytes, 0);
  EXPECT_EQ(policy_in(policies, 3).generation, 9U);
}

}  // namespace
}  // namespace beyla::capture::ring
