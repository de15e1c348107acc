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

std::atomic_ref<unsigned long> position(void* page) {
  return std::atomic_ref(*static_cast<unsigned long*>(page));
}

constexpr std::size_t kRecordAlignment = 8;

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
      joined_(max_record_bytes) {}

RingReader::RingReader(RingReader&& other) noexcept
    : consumer_(std::exchange(other.consumer_, nullptr)),
      producer_(std::exchange(other.producer_, nullptr)),
      data_bytes_(other.data_bytes_),
      joined_(std::move(other.joined_)) {}

RingReader::~RingReader() {
  if (consumer_ == nullptr) return;
  base::wipe({joined_.data(), joined_bytes_});
  ::munmap(consumer_, page_bytes());
  ::munmap(producer_, page_bytes() + data_bytes_);
}

bool RingReader::empty() const {
  return position(producer_).load(std::memory_order_seq_cst) ==
         position(consumer_).load(std::memory_order_relaxed);
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

RingReader::Record RingReader::next() {
  const unsigned long at = position(consumer_).load(std::memory_order_relaxed);
  if (position(producer_).load(std::memory_order_acquire) == at) return {};
  auto* data = static_cast<std::byte*>(producer_) + page_bytes();
  auto* header = data + (at & (data_bytes_ - 1));  // 8 bytes, aligned: never over the end
  const std::uint32_t word =
      std::atomic_ref(*reinterpret_cast<std::uint32_t*>(header)).load(std::memory_order_acquire);
  if ((word & BPF_RINGBUF_BUSY_BIT) != 0) return {};
  const std::size_t size = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  const std::size_t length =
      (size + BPF_RINGBUF_HDR_SZ + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
  const bool discarded = (word & BPF_RINGBUF_DISCARD_BIT) != 0;
  if (discarded) return {{}, length, true};
  return {contiguous(at + BPF_RINGBUF_HDR_SZ, size), length, false};
}

void RingReader::release(const Record& record) {
  auto consumer = position(consumer_);
  consumer.store(consumer.load(std::memory_order_relaxed) + record.length,
                 std::memory_order_release);
}

}  // namespace beyla::capture::ring
