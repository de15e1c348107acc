#include "probes/loader/link_closer.h"

#include <utility>

namespace beyla::probes::loader {

LinkCloser::LinkCloser() {
  for (std::jthread& thread : threads_) {
    thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

void LinkCloser::close(base::Fd link, const std::optional<FileIdentity>& binary) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(link), binary});
  }
  news_.notify_one();
}

std::vector<FileIdentity> LinkCloser::take_closed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(closed_, {});
}

std::size_t LinkCloser::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_.size() + being_closed_;
}

void LinkCloser::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  // When it is to stop, it goes on until nothing waits.
  while (news_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    ++being_closed_;
    lock.unlock();
    next.link.reset();
    lock.lock();
    --being_closed_;
    if (next.binary) closed_.push_back(*next.binary);
  }
}

}  // namespace beyla::probes::loader
