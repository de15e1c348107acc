#include "capture/ring/kernel_capture.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

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

struct Closed final : model::EventSink {
  std::vector<std::uint64_t> ids;
  void on_opened(const model::ConnectionOpened&) override {}
  void on_data(const model::StreamData&) override {}
  void on_send_closed(const model::SendClosed&) override {}
  void on_closed(const model::ConnectionClosed& event) override { ids.push_back(event.connection); }
};

// As the kernel does: its position is in the second page, the records begin in the third.
void put_close_records(const base::Fd& ring, std::size_t page, std::uint64_t count) {
  constexpr std::size_t kStep = BPF_RINGBUF_HDR_SZ + sizeof(abi::event_header);
  for (std::uint64_t id = 0; id < count; ++id) {
    const std::uint64_t ring_header = sizeof(abi::event_header);
    const abi::event_header record{abi::kEventClose, sizeof(record), 1, id};
    const auto at = static_cast<off_t>(2 * page + id * kStep);
    ASSERT_EQ(::pwrite(ring.get(), &ring_header, sizeof(ring_header), at), BPF_RINGBUF_HDR_SZ);
    ASSERT_EQ(::pwrite(ring.get(), &record, sizeof(record), at + BPF_RINGBUF_HDR_SZ),
              static_cast<ssize_t>(sizeof(record)));
  }
  const std::uint64_t end = count * kStep;
  ASSERT_EQ(::pwrite(ring.get(), &end, sizeof(end), static_cast<off_t>(page)),
            static_cast<ssize_t>(sizeof(end)));
}

TEST(KernelCapture, PassesOverOneRecordAndReadsAsManyAsAsked) {
  const auto page = static_cast<std::size_t>(::getpagesize());
  const base::Fd ring = memory_of(2 * page + abi::kDataRingBytes);
  const base::Fd policies = memory_of(sizeof(abi::policy) * abi::kPolicySlots);
  const base::Fd reader = memory_of(page);
  put_close_records(ring, page, 4);
  const auto capture = KernelCapture::make({ring.get(), policies.get(), reader.get(), -1});
  ASSERT_TRUE(capture.has_value());
  Closed sink;
  (*capture)->pass_over();
  EXPECT_EQ((*capture)->drain(sink, 1), 1U);
  EXPECT_TRUE((*capture)->has_more());
  EXPECT_EQ(sink.ids, (std::vector<std::uint64_t>{1}));
  EXPECT_FALSE((*capture)->empty());
  EXPECT_EQ((*capture)->drain(sink), 2U);
  EXPECT_EQ(sink.ids, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE((*capture)->empty());
  EXPECT_EQ((*capture)->counts().delivered[abi::kEventClose].value(), 4U);
  EXPECT_EQ((*capture)->counts().malformed.value(), 1U);
}

}  // namespace
}  // namespace beyla::capture::ring
