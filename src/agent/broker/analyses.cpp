#include "agent/broker/analyses.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include "base/fd_message.h"

namespace beyla::broker {

base::Result<void> Analyses::start(const probes::loader::FileIdentity& file, int exe_fd,
                                   base::BootTime now) {
  assert(has_room());
  auto started = TRY(workers_.start(exe_fd));
  running_.push_back({started.id, std::move(started.channel), file, now + kDeadline});
  return {};
}

std::vector<Analyses::Done> Analyses::collect(base::BootTime now) {
  std::vector<Done> done;
  std::erase_if(running_, [&](const Running& worker) {
    auto answer = read_answer(worker, now);
    if (!answer) return false;
    done.push_back({worker.file, std::move(*answer)});
    workers_.kill(worker.id);  // it has nothing more to do, whatever it thinks
    return true;
  });
  return done;
}

// nullopt: it goes on.
std::optional<Analyses::Answer> Analyses::read_answer(const Running& worker, base::BootTime now) {
  std::array<std::byte, sizeof(abi::binary_report)> buffer{};
  const auto message = base::receive_message(worker.channel.get(), buffer);
  if (!message && (message.error() == EAGAIN || message.error() == EINTR)) {
    if (now < worker.deadline) return std::nullopt;
    return std::unexpected(AnalysisFailure::timed_out);
  }
  if (!message || (message->bytes == 0 && message->fd_count == 0)) {
    return std::unexpected(AnalysisFailure::died);
  }
  if (message->cut || message->fd_count != 0) return std::unexpected(AnalysisFailure::malformed);
  auto report = probes::proof::decode_report(std::span(buffer).first(message->bytes));
  if (!report) return std::unexpected(AnalysisFailure::malformed);
  return std::move(*report);
}

void Analyses::wait_with(std::span<pollfd, kMaxWorkers> polled) const {
  for (std::size_t at = 0; at < polled.size(); ++at) {
    polled[at] = {at < running_.size() ? running_[at].channel.get() : -1, POLLIN, 0};
  }
}

std::optional<base::BootTime> Analyses::due() const {
  if (running_.empty()) return std::nullopt;
  return running_.front().deadline;
}

}  // namespace beyla::broker
