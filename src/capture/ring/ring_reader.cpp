#include "capture/ring/ring_reader.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace beyla::capture::ring {
namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::atomic_ref<unsigned long> position(void* page) {
  return std::atomic_ref(*static_cast<unsigned long*>(page));
}

constexpr std::size_t kRecordAlignment = 8;

}  // namespace

base::Result<RingReader> RingReader::make(int ring_fd, std::size_t data_bytes) {
  const std::size_t page = page_bytes();
  void* consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
  if (consumer == MAP_FAILED) return base::fail_errno(errno, "cannot map the ring buffer");
  void* producer = ::mmap(nullptr, page + 2 * data_bytes, PROT_READ, MAP_SHARED, ring_fd,
                          static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    const int error = errno;
    ::munmap(consumer, page);
    return base::fail_errno(error, "cannot map the ring buffer");
  }
  return RingReader(consumer, producer, data_bytes);
}

RingReader::RingReader(void* consumer, void* producer, std::size_t data_bytes)
    : consumer_(consumer), producer_(producer), data_bytes_(data_bytes) {}

RingReader::RingReader(RingReader&& other) noexcept
    : consumer_(std::exchange(other.consumer_, nullptr)),
      producer_(std::exchange(other.producer_, nullptr)),
      data_bytes_(other.data_bytes_) {}

RingReader::~RingReader() {
  if (consumer_ == nullptr) return;
  ::munmap(consumer_, page_bytes());
  ::munmap(producer_, page_bytes() + 2 * data_bytes_);
}

bool RingReader::empty() const {
  return position(producer_).load(std::memory_order_seq_cst) ==
         position(consumer_).load(std::memory_order_relaxed);
}

RingReader::Record RingReader::next() const {
  const unsigned long at = position(consumer_).load(std::memory_order_relaxed);
  if (position(producer_).load(std::memory_order_acquire) == at) return {};
  auto* data = static_cast<std::byte*>(producer_) + page_bytes();
  auto* header = data + (at & (data_bytes_ - 1));
  const std::uint32_t word =
      std::atomic_ref(*reinterpret_cast<std::uint32_t*>(header)).load(std::memory_order_acquire);
  if ((word & BPF_RINGBUF_BUSY_BIT) != 0) return {};
  const std::size_t size = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  const std::size_t length =
      (size + BPF_RINGBUF_HDR_SZ + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
  return {{header + BPF_RINGBUF_HDR_SZ, size}, length, (word & BPF_RINGBUF_DISCARD_BIT) != 0};
}

void RingReader::release(const Record& record) {
  auto consumer = position(consumer_);
  consumer.store(consumer.load(std::memory_order_relaxed) + record.length,
                 std::memory_order_release);
}

}  // namespace beyla::capture::ring
