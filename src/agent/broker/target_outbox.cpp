#include "agent/broker/target_outbox.h"

#include <sys/socket.h>

#include <cerrno>

namespace beyla::broker {
namespace {

abi::target_message to_message(const TargetLog::Change& change) {
  return abi::make_target_message(
      change.kind, {change.key.pid, change.key.exec_generation, change.key.start_ns},
      static_cast<std::uint64_t>(change.time.time_since_epoch().count()), change.service_name);
}

template <typename Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

}  // namespace

void TargetOutbox::on_selected(const model::TargetProcess& target, base::BootTime time) {
  log_.on_selected(target, time);
}

void TargetOutbox::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  log_.on_rejected(key, time);
}

void TargetOutbox::on_exited(const model::ProcessKey& key, base::BootTime time) {
  log_.on_exited(key, time);
}

void TargetOutbox::answer(const abi::request_answer& answer) {
  if (answers_.size() <= kMaxAnswersWaiting) answers_.push_back(answer);
}

void TargetOutbox::stop() { stop_waits_ = true; }

void TargetOutbox::attach_to(int channel, base::BootTime now) {
  detach();
  channel_ = channel;
  log_.rewind(now);
  known_ = log_.size();
}

void TargetOutbox::detach() {
  channel_ = -1;
  log_.close();
  answers_.clear();
  known_ = 0;
  stop_waits_ = false;
  broken_ = false;
}

bool TargetOutbox::wants_write() const {
  return attached() && !broken_ && (log_.read() < log_.size() || !answers_.empty() || stop_waits_);
}

std::size_t TargetOutbox::news() const { return log_.size() - log_.read() - known_; }

bool TargetOutbox::overflowed() const {
  return attached() && (news() > kMaxWaiting || answers_.size() > kMaxAnswersWaiting);
}

void TargetOutbox::flush() {
  if (!wants_write()) return;
  if (!flush_answers() || !flush_targets() || !stop_waits_) return;
  const abi::stop_message message{abi::kChannelVersion, abi::kMessageStop};
  if (send(bytes_of(message))) stop_waits_ = false;
}

bool TargetOutbox::flush_answers() {
  while (!answers_.empty()) {
    if (!send(bytes_of(answers_.front()))) return false;
    answers_.pop_front();
  }
  return true;
}

bool TargetOutbox::flush_targets() {
  while (log_.read() < log_.size()) {
    if (!send(bytes_of(to_message(log_.next())))) return false;
    log_.advance();
    if (known_ > 0) --known_;
  }
  return true;
}

// False: not now.
bool TargetOutbox::send(std::span<const std::byte> message) {
  ssize_t sent = 0;
  do {
    sent = ::send(channel_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return true;
  broken_ = errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS;
  return false;
}

}  // namespace beyla::broker
