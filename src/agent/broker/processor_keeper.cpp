#include "agent/broker/processor_keeper.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace beyla::broker {
namespace {

// W_EXITCODE of <bits/waitstatus.h>
int to_wait_status(const ProcessorEnd& end) { return end.exit_code << 8 | end.signal; }

bool means_gone(const base::Error& error) {
  return error.os_errno == EPIPE || error.os_errno == ECONNRESET;
}

}  // namespace

std::string describe(const ProcessorEnd& end) {
  if (end.exit_code == ProcessorEnd::kUnknown) return "its connection has closed";
  return describe_end(to_wait_status(end));
}

ProcessorKeeper::ProcessorKeeper(ProcessorSource& source, const StartKit& kit, TargetOutbox& outbox,
                                 model::TargetMap& map, Options options)
    : source_(source),
      kit_(kit),
      outbox_(outbox),
      map_(map),
      options_(std::move(options)),
      desk_(options_.policy, outbox.targets(), *this) {}

base::Result<void> ProcessorKeeper::start(base::BootTime now) {
  auto started = TRY(source_.start());
  restart_policy_.on_started(now);
  watchdog_.on_started(now);
  running_ = true;
  ended_for_ = nullptr;
  start_at_.reset();
  end_by_.reset();
  desk_.start_over();
  channel_ = std::move(started.channel);
  outbox_.attach_to(channel_.get(), now);
  const auto sent = kit_.send(channel_.get(), started.pid);
  if (sent) return {};
  if (means_gone(sent.error())) {
    close_channel();  // how it has ended is told like any other end
  } else {
    spdlog::warn("{}", sent.error().message());
    end_it("it took no start message");
  }
  return {};
}

void ProcessorKeeper::stop() {
  stopping_ = true;
  start_at_.reset();
  outbox_.stop();
  outbox_.flush();
}

short ProcessorKeeper::channel_events(base::BootTime now) const {
  if (!channel_.valid()) return 0;
  const bool reads = reader_.resume_at() <= now;
  return static_cast<short>((reads ? POLLIN : 0) | (outbox_.wants_write() ? POLLOUT : 0));
}

std::optional<base::BootTime> ProcessorKeeper::due(base::BootTime now) const {
  if (start_at_) return start_at_;
  if (end_by_) return end_by_;
  if (!channel_.valid()) return std::nullopt;
  const auto look = watchdog_.due();
  if (reader_.resume_at() <= now) return look;
  return std::min(reader_.resume_at(), look.value_or(reader_.resume_at()));
}

base::Result<std::optional<int>> ProcessorKeeper::turn(base::BootTime now) {
  if (channel_.valid()) {
    outbox_.flush();
    if (reader_.resume_at() <= now) read_requests(now);
  }
  if (channel_.valid() && is_deaf(now)) end_it("it has stopped reading");
  // While none runs, too: an end that is left unread would wake the loop again and again.
  const auto end = TRY(source_.read_end());
  if (end && running_) return on_ended(*end, now);
  if (end_by_ && now >= *end_by_) {
    end_by_.reset();
    end_it("it lived on without its channel");
  }
  if (start_at_ && now >= *start_at_) TRY_VOID(restart(now));
  return std::nullopt;
}

// Of one that has ended the channel is broken, too; reading would tell, but for a pause.
bool ProcessorKeeper::is_deaf(base::BootTime now) const {
  return outbox_.overflowed() || (outbox_.broken() && reader_.resume_at() <= now);
}

void ProcessorKeeper::watch(const RingPositions& ring, base::BootTime now) {
  if (!channel_.valid() || stopping_ || !options_.may_restart) return;
  if (!watchdog_.look(ring, now)) end_it("it has hung");
}

void ProcessorKeeper::read_requests(base::BootTime now) {
  switch (reader_.read(channel_.get(), now)) {
    case RequestReader::Turn::done: break;
    case RequestReader::Turn::hostile: end_it("it sent what no processor sends"); break;
    case RequestReader::Turn::flooded: end_it("it floods the broker with requests"); break;
    case RequestReader::Turn::closed:
      close_channel();
      end_by_ = now + kEndGrace;
      break;
  }
}

void ProcessorKeeper::end_it(const char* why) {
  ended_for_ = why;
  close_channel();
  source_.kill();
}

void ProcessorKeeper::close_channel() {
  outbox_.detach();
  channel_.reset();
  source_.on_channel_closed();
}

base::Result<std::optional<int>> ProcessorKeeper::on_ended(const ProcessorEnd& end,
                                                           base::BootTime now) {
  running_ = false;
  end_by_.reset();
  if (channel_.valid()) close_channel();
  const bool final = end.signal == 0 && end.exit_code == kExitFinal && !options_.may_restart;
  if (final) return kExitFinal;
  const std::string why = ended_for_ != nullptr ? ended_for_ : describe(end);
  if (stopping_) {
    if (end.signal != 0 || end.exit_code > 0) spdlog::warn("the processor ended: {}", why);
    return std::nullopt;
  }
  if (!options_.may_restart) {
    return base::fail(base::ErrorCode::system,
                      "the processor ended (" + why + "), and no other can go on for it");
  }
  const auto decision = restart_policy_.on_ended(why, now);
  if (decision.say) spdlog::warn("{}", *decision.say);
  start_at_ = decision.start_at;
  return std::nullopt;
}

base::Result<void> ProcessorKeeper::restart(base::BootTime now) {
  ++restarts_;
  auto started = start(now);
  if (started || started.error().os_errno == EPIPE) return started;
  const auto decision = restart_policy_.on_ended(started.error().message(), now);
  if (decision.say) spdlog::warn("{}", *decision.say);
  start_at_ = decision.start_at;
  return {};
}

// What every target has from its selection on: to ask again changes nothing.
bool ProcessorKeeper::attach(const model::ProcessKey& process, abi::probe_set probes) {
  if (probes == abi::kProbesTls && options_.look_for_tls) {
    options_.look_for_tls(process);
    return true;
  }
  if (probes != abi::kProbesSockets) return false;
  map_.select(process);
  return true;
}

}  // namespace beyla::broker
