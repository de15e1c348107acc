#include "agent/broker/ring_positions.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace beyla::broker {
namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::uint64_t load(void* page) {
  return std::atomic_ref(*static_cast<unsigned long*>(page)).load(std::memory_order_acquire);
}

}  // namespace

base::Result<RingView> RingView::map(int ring_fd) {
  void* const pages = ::mmap(nullptr, 2 * page_bytes(), PROT_READ, MAP_SHARED, ring_fd, 0);
  if (pages == MAP_FAILED) return base::fail_errno(errno, "cannot map the ring buffer");
  return RingView(pages);
}

RingView::RingView(RingView&& other) noexcept : pages_(std::exchange(other.pages_, nullptr)) {}

RingView::~RingView() {
  if (pages_ != nullptr) ::munmap(pages_, 2 * page_bytes());
}

RingPositions RingView::read() const {
  return {load(pages_), load(static_cast<std::byte*>(pages_) + page_bytes())};
}

}  // namespace beyla::broker
