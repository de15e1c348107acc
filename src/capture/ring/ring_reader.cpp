#include "capture/ring/ring_reader.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/wipe.h"

namespace beyla::capture::ring {
namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::atomic_ref<unsigned long> position_in(void* page) {
  return std::atomic_ref(*static_cast<unsigned long*>(page));
}

constexpr std::size_t kRecordAlignment = 8;

// Of the ring, by a record with this header.
std::size_t length_of(std::uint32_t header) {
  const std::size_t size = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  return (size + BPF_RINGBUF_HDR_SZ + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

}  // namespace

base::Result<RingReader> RingReader::make(int ring_fd, std::size_t data_bytes,
                                          std::size_t max_record_bytes) {
  const std::size_t page = page_bytes();
  void* consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
  if (consumer == MAP_FAILED) return base::fail_errno(errno, "cannot map the ring buffer");
  void* producer =
      ::mmap(nullptr, page + data_bytes, PROT_READ, MAP_SHARED, ring_fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    const int error = errno;
    ::munmap(consumer, page);
    return base::fail_errno(error, "cannot map the ring buffer");
  }
  return RingReader(consumer, producer, data_bytes, max_record_bytes);
}

RingReader::RingReader(void* consumer, void* producer, std::size_t data_bytes,
                       std::size_t max_record_bytes)
    : consumer_(consumer),
      producer_(producer),
      data_bytes_(data_bytes),
      position_(position_in(consumer).load(std::memory_order_relaxed)),
      joined_(max_record_bytes) {
  // The last reader could write there what it liked.
  const std::uint64_t end = position_in(producer_).load(std::memory_order_acquire);
  if (begins_record(end)) return;
  position_ = end;
  release();
}

RingReader::RingReader(RingReader&& other) noexcept
    : consumer_(std::exchange(other.consumer_, nullptr)),
      producer_(std::exchange(other.producer_, nullptr)),
      data_bytes_(other.data_bytes_),
      position_(other.position_),
      joined_(std::move(other.joined_)) {}

RingReader::~RingReader() {
  if (consumer_ == nullptr) return;
  base::wipe({joined_.data(), joined_bytes_});
  ::munmap(consumer_, page_bytes());
  ::munmap(producer_, page_bytes() + data_bytes_);
}

bool RingReader::empty() const {
  return position_in(producer_).load(std::memory_order_seq_cst) == position_;
}

// The bytes from ring offset `at` on; valid until the next call.
std::span<const std::byte> RingReader::contiguous(std::size_t at, std::size_t size) {
  const auto* data = static_cast<const std::byte*>(producer_) + page_bytes();
  base::wipe({joined_.data(), std::exchange(joined_bytes_, 0)});
  size = std::min(size, joined_.size());
  at &= data_bytes_ - 1;
  const std::size_t before_end = std::min(size, data_bytes_ - at);
  if (before_end == size) return {data + at, size};
  joined_bytes_ = size;
  std::memcpy(joined_.data(), data + at, before_end);
  std::memcpy(joined_.data() + before_end, data, size - before_end);
  return {joined_.data(), size};
}

std::uint32_t RingReader::header_at(std::uint64_t at) const {
  auto* data = static_cast<std::byte*>(producer_) + page_bytes();
  auto* header = data + (at & (data_bytes_ - 1));  // 8 bytes, aligned: never over the end
  return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(header)).load(std::memory_order_acquire);
}

RingReader::Record RingReader::next() {
  if (position_in(producer_).load(std::memory_order_acquire) == position_) return {};
  const std::uint32_t header = header_at(position_);
  if ((header & BPF_RINGBUF_BUSY_BIT) != 0) return {};
  const std::size_t length = length_of(header);
  if ((header & BPF_RINGBUF_DISCARD_BIT) != 0) return {{}, length, true};
  return {contiguous(position_ + BPF_RINGBUF_HDR_SZ, header), length, false};
}

void RingReader::release() { position_in(consumer_).store(position_, std::memory_order_release); }

bool RingReader::resume_at(std::uint64_t committed) {
  if (!begins_record(committed)) return false;
  position_ = committed;
  release();
  return true;
}

// Goes from record to record; also over those that are being written, whose length is known.
// The end of what was written counts as a beginning.
bool RingReader::begins_record(std::uint64_t at) const {
  const std::uint64_t end = position_in(producer_).load(std::memory_order_acquire);
  if (end - position_ > data_bytes_ || at - position_ > end - position_) return false;
  if (position_ % kRecordAlignment != 0) return false;
  std::uint64_t begin = position_;
  while (begin != at && end - begin <= data_bytes_) begin += length_of(header_at(begin));
  return begin == at;
}

}  // namespace beyla::capture::ring
