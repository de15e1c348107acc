#include "probes/loader/link_closer.h"

#include <utility>

namespace beyla::probes::loader {

LinkCloser::LinkCloser() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

LinkCloser::~LinkCloser() {
  thread_.request_stop();
  thread_.join();
  for (Waiting& entry : waiting_) static_cast<void>(entry.link.release());
}

void LinkCloser::close(base::Fd link, const FileIdentity& binary) {
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
  while (news_.wait(lock, stop, [this] { return !waiting_.empty(); }) && !stop.stop_requested()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    being_closed_ = 1;
    lock.unlock();
    next.link.reset();
    lock.lock();
    being_closed_ = 0;
    closed_.push_back(next.binary);
  }
}

}  // namespace beyla::probes::loader
