#include "agent/broker/restart_policy.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace beyla::broker {
namespace {

std::string describe_signal(int number) {
  const char* const abbreviation = ::sigabbrev_np(number);
  const std::string name = abbreviation != nullptr ? fmt::format("SIG{}", abbreviation)
                                                   : fmt::format("signal {}", number);
  switch (number) {
    case SIGXCPU: return "killed by its CPU limit (SIGXCPU)";
    case SIGSYS: return "killed by its system call filter (SIGSYS)";
    case SIGKILL: return "killed by SIGKILL (by hand, for want of memory, or by a hard limit)";
    default: return "killed by " + name;
  }
}

}  // namespace

std::string describe_end(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exit code {}", WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) return describe_signal(WTERMSIG(wait_status));
  return fmt::format("wait status {:#x}", wait_status);
}

RestartPolicy::Decision RestartPolicy::on_ended(std::string_view why, base::BootTime now) {
  const bool had_delivered = has_delivered_;
  has_delivered_ = false;
  if (!had_delivered) ++barren_;
  Decision decision{std::max(now + wait(), started_ + kBetweenStarts), line(why)};
  const bool is_news = *decision.say != said_ || (had_delivered && now - said_at_ >= kQuiet);
  if (!is_news) {
    decision.say.reset();
    return decision;
  }
  said_ = *decision.say;
  said_at_ = now;
  return decision;
}

std::chrono::nanoseconds RestartPolicy::wait() const {
  if (barren_ < kPatience) return std::chrono::nanoseconds(0);
  std::chrono::nanoseconds wait = kFirstWait;
  for (std::uint32_t death = kPatience; death < barren_ && wait < kLongestWait; ++death) wait *= 2;
  return std::min<std::chrono::nanoseconds>(wait, kLongestWait);
}

std::string RestartPolicy::line(std::string_view why) const {
  if (barren_ < kPatience) {
    return fmt::format("the processor ended ({}) and is started again; series go on", why);
  }
  return fmt::format(
      "the processor ended ({}) again without having delivered an event; the next start is in {} s",
      why, std::chrono::duration_cast<std::chrono::seconds>(wait()).count());
}

}  // namespace beyla::broker
