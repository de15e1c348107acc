#include "agent/broker/thread_processor.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace beyla::broker {

// Its channel is closed by now, which ends it.
ThreadProcessor::~ThreadProcessor() {
  if (thread_.joinable()) thread_.join();
}

base::Result<ProcessorSource::Started> ThreadProcessor::start() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::fail_errno(errno, "cannot make a socket pair");
  }
  base::Fd ours(ends[0]);
  base::Fd its(ends[1]);
  ended_ = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ended_.valid()) return base::fail_errno(errno, "cannot make an eventfd");
  thread_ = std::thread([this, channel = std::move(its)]() mutable {
    exit_code_ = main_(std::move(channel));
    ::eventfd_write(ended_.get(), 1);
  });
  return Started{std::move(ours), 0};
}

base::Result<std::optional<ProcessorEnd>> ThreadProcessor::read_end() {
  eventfd_t ended = 0;
  if (::eventfd_read(ended_.get(), &ended) != 0) return std::nullopt;
  thread_.join();
  return ProcessorEnd{.exit_code = exit_code_};
}

}  // namespace beyla::broker
