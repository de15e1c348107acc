#include "capture/ring/ring_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>

#include "base/fd.h"

namespace beyla::capture::ring {
namespace {

constexpr std::size_t kDataBytes = 4096;
constexpr std::size_t kMaxRecordBytes = 256;

// A file that is laid out as the kernel's ring, and its producer. As the kernel it lets a record
// begin anywhere and go on at the start.
class FakeRing {
 public:
  FakeRing() : file_(::memfd_create("ring", 0)), page_(static_cast<std::size_t>(::getpagesize())) {
    EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(2 * page_ + kDataBytes)), 0);
    memory_ = static_cast<std::byte*>(::mmap(nullptr, 2 * page_ + kDataBytes,
                                             PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0));
  }
  ~FakeRing() { ::munmap(memory_, 2 * page_ + kDataBytes); }

  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] unsigned long consumer() { return position(0); }
  // Both sides have already gone so far.
  void start_at(unsigned long at) {
    position(0) = at;
    position(page_) = at;
  }
  void set_consumer(unsigned long at) { position(0) = at; }
  void put(const std::string& text, std::uint32_t bits = 0) {
    unsigned long& producer = position(page_);
    const std::uint32_t word = static_cast<std::uint32_t>(text.size()) | bits;
    std::memcpy(data(producer), &word, sizeof(word));
    for (std::size_t i = 0; i < text.size(); ++i) {
      *data(producer + BPF_RINGBUF_HDR_SZ + i) = static_cast<std::byte>(text[i]);
    }
    producer += (BPF_RINGBUF_HDR_SZ + text.size() + 7) / 8 * 8;
  }

 private:
  unsigned long& position(std::size_t offset) {
    return *reinterpret_cast<unsigned long*>(memory_ + offset);
  }
  std::byte* data(unsigned long at) { return memory_ + 2 * page_ + at % kDataBytes; }

  base::Fd file_;
  std::size_t page_;
  std::byte* memory_ = nullptr;
};

constexpr std::size_t kNoLimit = 1U << 20U;

std::vector<std::string> read_some(RingReader& reader, std::size_t records_wanted) {
  std::vector<std::string> records;
  reader.read(records_wanted, kNoLimit, [&](std::span<const std::byte> record) {
    records.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
  });
  return records;
}

std::vector<std::string> read_all(RingReader& reader) {
  auto records = read_some(reader, kNoLimit);
  reader.release();
  return records;
}

RingReader reader_of(const FakeRing& ring) {
  auto reader = RingReader::make(ring.fd(), kDataBytes, kMaxRecordBytes);
  EXPECT_TRUE(reader.has_value());
  return std::move(*reader);
}

TEST(RingReader, ReadsRecordsInOrderAndOnlyOnce) {
  FakeRing ring;
  auto reader = reader_of(ring);
  EXPECT_TRUE(reader.empty());
  ring.put("one");
  ring.put("");
  ring.put("three and more");
  EXPECT_FALSE(reader.empty());
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"one", "", "three and more"}));
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(read_all(reader), std::vector<std::string>{});
}

TEST(RingReader, JoinsARecordThatGoesOverTheEnd) {
  const std::string text = "abcdefghijklmnopqrstuvwxyz0123456789";
  // From a record that ends just before the end to one whose header is the last word.
  for (unsigned long room = 8; room <= 56; room += 8) {
    FakeRing ring;
    ring.start_at(7 * kDataBytes - room);
    auto reader = reader_of(ring);
    ring.put(text);
    ring.put("next");
    EXPECT_EQ(read_all(reader), (std::vector<std::string>{text, "next"})) << room;
  }
}

TEST(RingReader, GoesRoundManyTimes) {
  FakeRing ring;
  auto reader = reader_of(ring);
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::string text(i % (kMaxRecordBytes + 1), static_cast<char>('a' + i % 26));
    ring.put(text);
    ASSERT_EQ(read_all(reader), std::vector<std::string>{text}) << i;
  }
}

TEST(RingReader, StopsAtARecordThatIsBeingWritten) {
  FakeRing ring;
  auto reader = reader_of(ring);
  ring.put("done");
  ring.put("busy", BPF_RINGBUF_BUSY_BIT);
  ring.put("behind");
  EXPECT_EQ(read_all(reader), std::vector<std::string>{"done"});
  EXPECT_FALSE(reader.empty());
}

TEST(RingReader, PassesOverDiscardedRecordsAtTheEndToo) {
  FakeRing ring;
  ring.start_at(kDataBytes - 16);
  auto reader = reader_of(ring);
  ring.put(std::string(40, 'x'), BPF_RINGBUF_DISCARD_BIT);
  ring.put("kept");
  EXPECT_EQ(read_all(reader), std::vector<std::string>{"kept"});
}

TEST(RingReader, CutsARecordThatIsLongerThanAgreed) {
  for (const unsigned long start : {0UL, kDataBytes - 64}) {
    FakeRing ring;
    ring.start_at(start);
    auto reader = reader_of(ring);
    ring.put(std::string(2 * kMaxRecordBytes, 'x'));
    ring.put("next");
    EXPECT_EQ(read_all(reader),
              (std::vector<std::string>{std::string(kMaxRecordBytes, 'x'), "next"}));
  }
}

TEST(RingReader, WhatIsNotReleasedIsReadAgainByTheNextReader) {
  FakeRing ring;
  for (const char* text : {"one", "two", "three", "four"}) ring.put(text);
  auto reader = reader_of(ring);
  EXPECT_EQ(read_some(reader, 2), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(ring.consumer(), 0U);
  reader.release();
  EXPECT_EQ(ring.consumer(), 32U);
  EXPECT_EQ(read_some(reader, 1), std::vector<std::string>{"three"});
  auto next = reader_of(ring);
  EXPECT_EQ(read_all(next), (std::vector<std::string>{"three", "four"}));
}

TEST(RingReader, ResumesWhereAPredecessorCommittedButDidNotRelease) {
  FakeRing ring;
  ring.start_at(kDataBytes - 24);  // over the end
  for (const char* text : {"one", "two", "three"}) ring.put(text);
  auto dead = reader_of(ring);
  EXPECT_EQ(read_some(dead, 2).size(), 2U);
  const std::uint64_t committed = dead.position();
  auto reader = reader_of(ring);
  EXPECT_TRUE(reader.resume_at(committed));
  EXPECT_EQ(ring.consumer(), committed);
  EXPECT_EQ(read_all(reader), std::vector<std::string>{"three"});
  EXPECT_TRUE(reader.resume_at(ring.consumer()));
  EXPECT_TRUE(reader.empty());
}

TEST(RingReader, ResumesNowhereButAtARecord) {
  FakeRing ring;
  ring.start_at(64);
  ring.put("one");
  ring.put(std::string(40, 'x'));
  auto reader = reader_of(ring);
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, std::uint64_t{56}, std::uint64_t{72}, std::uint64_t{81},
        std::uint64_t{88}, std::uint64_t{136}, std::uint64_t{64 + kDataBytes}, ~std::uint64_t{0}}) {
    EXPECT_FALSE(reader.resume_at(wrong)) << wrong;
    EXPECT_EQ(reader.position(), 64U);
  }
  EXPECT_EQ(ring.consumer(), 64U);
  EXPECT_EQ(read_all(reader).size(), 2U);
}

TEST(RingReader, PassesOverWhatAWrongConsumerPositionMakesUnreadable) {
  for (const unsigned long wrong : {8UL, 12UL, 1000UL, 48UL, 1UL << 40U}) {
    FakeRing ring;
    ring.put("12345678\xff\xff\xff\xff");
    ring.put("two");
    ring.set_consumer(wrong);
    auto reader = reader_of(ring);
    EXPECT_TRUE(reader.empty()) << wrong;
    EXPECT_EQ(ring.consumer(), 40U) << wrong;
    ring.put("next");
    EXPECT_EQ(read_all(reader), std::vector<std::string>{"next"}) << wrong;
  }
}

TEST(RingReader, StopsAtEitherLimit) {
  FakeRing ring;
  for (int i = 0; i < 8; ++i)
    ring.put(std::string(56, 'x'), i % 2 == 0 ? std::uint32_t{BPF_RINGBUF_DISCARD_BIT} : 0U);
  auto reader = reader_of(ring);
  const auto ignore = [](std::span<const std::byte>) {};
  auto done = reader.read(kNoLimit, 100, ignore);
  EXPECT_EQ(done.records, 1U);
  EXPECT_TRUE(done.stopped_at_limit);
  EXPECT_EQ(reader.position(), 128U);
  done = reader.read(2, kNoLimit, ignore);
  EXPECT_EQ(done.records, 2U);
  EXPECT_TRUE(done.stopped_at_limit);
  done = reader.read(2, kNoLimit, ignore);
  EXPECT_EQ(done.records, 1U);
  EXPECT_FALSE(done.stopped_at_limit);
}

TEST(RingReader, WipesARecordThatItJoinedBeforeTheNextOne) {
  FakeRing ring;
  ring.start_at(kDataBytes - 16);
  auto reader = reader_of(ring);
  ring.put("joined: s3crett0ken");
  ring.put("next");
  std::vector<std::span<const std::byte>> records;
  std::vector<std::string> first_as_seen;
  reader.read(1000, kNoLimit, [&](std::span<const std::byte> record) {
    records.push_back(record);
    first_as_seen.emplace_back(reinterpret_cast<const char*>(records[0].data()), records[0].size());
  });
  ASSERT_EQ(first_as_seen.size(), 2U);
  EXPECT_EQ(first_as_seen[0], "joined: s3crett0ken");
  EXPECT_EQ(first_as_seen[1], std::string(records[0].size(), '\0'));
}

}  // namespace
}  // namespace beyla::capture::ring
