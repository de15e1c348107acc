// A processor that has been taken over talks to the desk. Input: steps of one byte that chooses
// what happens, and its arguments: any bytes as a datagram, a request with parts of it overwritten,
// targets that come and go, time, another processor. Held against a plain model of who is a target:
// what is granted, answered and counted must follow from it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "agent/broker/request_desk.h"
#include "base/byte_reader.h"

namespace {

namespace abi = beyla::abi;

using beyla::base::BootTime;
using beyla::base::ByteReader;
using beyla::broker::RequestDesk;
using beyla::broker::TargetLog;
using beyla::model::ProcessKey;

constexpr std::uint64_t kAllowed = 0b1010;  // kProbesSockets, and another to tell apart

void require(bool condition) {
  if (!condition) std::abort();
}

class Talk final : public beyla::broker::RequestListener {
 public:
  void play(ByteReader input) {
    while (const auto step = input.read_u8()) {
      switch (*step & 7U) {
        case 0: send_bytes(input, *step >> 3U); break;
        case 1:
        case 2:
        case 3: send_request(input); break;
        case 4: select(read_key(input)); break;
        case 5: end(read_key(input)); break;
        case 6: now_ += std::chrono::milliseconds(*step >> 3U); break;
        default: desk_.start_over(); malformed_ = 0;
      }
    }
    check_books();
  }

  void on_ready() override { ++notices_; }
  void on_delivered() override { ++notices_; }
  bool attach(const ProcessKey& process, abi::probe_set probes) override {
    require(is_target(process));
    require((kAllowed >> static_cast<unsigned>(probes) & 1U) != 0);
    const bool works = process.exec_generation != 3;
    if (works) require(attached_.insert(id_of(process, probes)).second);
    return works;
  }
  void answer(const abi::request_answer& answer) override {
    require(answer.version == abi::kChannelVersion && answer.kind == abi::kMessageAnswer);
    require(answer.length == sizeof(answer) && answer.outcome < abi::kRequestOutcomes);
    require(answer.request_id == asked_.request_id);
    const ProcessKey key{asked_.process.pid, asked_.process.exec_generation,
                         asked_.process.start_ns};
    if (answer.outcome == abi::kRequestAccepted) {
      require(is_target(key) && attached_.contains(id_of(key, asked_.probe_set)));
    }
    if (answer.outcome == abi::kRequestNotTarget) require(!targets_.contains(key.pid));
    if (answer.outcome == abi::kRequestOtherImage) require(!is_target(key));
    if (answer.outcome == abi::kRequestProbesNotAllowed) require(is_target(key));
    if (answer.outcome != abi::kRequestTooFast) require(++decided_ <= most_decided());
    ++answers_;
  }

 private:
  // Few enough to meet again.
  static ProcessKey read_key(ByteReader& input) {
    const unsigned bits = input.read_u8().value_or(0);
    return {1 + (bits & 3U), bits >> 2U & 3U, bits >> 4U};
  }
  void select(const ProcessKey& key) {
    log_.on_selected({key, {"shop"}}, now_);
    targets_[key.pid] = key;
  }
  void end(const ProcessKey& key) {
    log_.on_exited(key, now_);
    if (is_target(key)) targets_.erase(key.pid);
  }
  using Attached = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::uint32_t>;
  static Attached id_of(const ProcessKey& key, std::uint32_t probes) {
    return {key.pid, key.exec_generation, key.start_ns, probes};
  }
  [[nodiscard]] bool is_target(const ProcessKey& key) const {
    const auto found = targets_.find(key.pid);
    return found != targets_.end() && found->second == key;
  }
  [[nodiscard]] std::uint64_t most_decided() const {
    const auto elapsed = now_ - BootTime(kStart);
    return 100 + static_cast<std::uint64_t>(elapsed / std::chrono::milliseconds(10));
  }

  void send_bytes(ByteReader& input, std::size_t length) {
    const auto bytes = input.read_bytes(length * 2);
    if (bytes) take(*bytes);
  }
  // As ours, then some bytes at some place are others.
  void send_request(ByteReader& input) {
    const unsigned kind = input.read_u8().value_or(0);
    abi::processor_request request{};
    request.version = abi::kChannelVersion;
    request.kind = abi::kRequestReady + kind % 3;
    request.length = sizeof(request);
    request.request_id = ++id_;
    if (request.kind == abi::kRequestProbes) {
      const ProcessKey key = read_key(input);
      request.process = {key.pid, key.exec_generation, key.start_ns};
      request.probe_set = kind >> 2U & 3U;
    }
    if ((kind & 0x80U) != 0) {
      const std::size_t at = input.read_u8().value_or(0) % sizeof(request);
      const auto other = input.read_bytes(std::min<std::size_t>(sizeof(request) - at, kind & 15U));
      if (other)
        std::memcpy(reinterpret_cast<std::byte*>(&request) + at, other->data(), other->size());
    }
    take(std::as_bytes(std::span(&request, 1)));
  }

  void take(std::span<const std::byte> datagram) {
    ++taken_;
    const std::uint64_t answers = answers_;
    const auto request = beyla::broker::decode_request(datagram);
    if (request) {
      require(datagram.size() == sizeof(asked_));
      std::memcpy(&asked_, datagram.data(), sizeof(asked_));
    } else {
      ++malformed_;
    }
    desk_.take(datagram, now_);
    require(answers_ - answers == (request && request->kind == abi::kRequestProbes ? 1U : 0U));
    require(desk_.is_hostile() == (malformed_ >= RequestDesk::kMaxMalformed));
  }

  void check_books() {
    const auto& counts = desk_.counts();
    std::uint64_t outcomes = 0;
    for (const auto& counter : counts.outcomes) outcomes += counter.value();
    require(outcomes == answers_);
    require(counts.ready.value() + counts.delivered.value() == notices_);
    require(outcomes + notices_ + counts.repeated.value() + counts.all_malformed() == taken_);
  }

  static constexpr std::chrono::hours kStart{1};
  BootTime now_{kStart};
  TargetLog log_;
  RequestDesk desk_{{kAllowed}, log_, *this};
  std::map<std::uint32_t, ProcessKey> targets_;
  std::set<Attached> attached_;
  abi::processor_request asked_{};
  std::uint64_t id_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t answers_ = 0;
  std::uint64_t decided_ = 0;
  std::uint64_t notices_ = 0;
  std::uint32_t malformed_ = 0;  // since start_over()
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Talk().play(ByteReader(std::as_bytes(std::span(data, size))));
  return 0;
}
