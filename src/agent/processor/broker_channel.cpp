#include "agent/processor/broker_channel.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/byte_reader.h"
#include "capture/target_messages.h"

namespace beyla::processor {
namespace {

constexpr std::size_t kLongestMessage =
    std::max(sizeof(abi::target_message), sizeof(abi::request_answer));

template <typename Message>
bool is(std::span<const std::byte> datagram, abi::message_kind kind) {
  const auto head = base::ByteReader(datagram).read_struct<abi::message_head>();
  return datagram.size() == sizeof(Message) && head && head->version == abi::kChannelVersion &&
         head->kind == kind;
}

}  // namespace

BrokerChannel::News BrokerChannel::receive(model::TargetSink& sink) {
  std::array<std::byte, kLongestMessage + 1> buffer{};
  while (true) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? News::none : News::gone;
    if (got == 0) return News::gone;
    const auto datagram = std::span(buffer).first(static_cast<std::size_t>(got));
    if (is<abi::stop_message>(datagram, abi::kMessageStop)) return News::stop;
    if (is<abi::request_answer>(datagram, abi::kMessageAnswer)) continue;
    if (!capture::decode_target_message(datagram, sink)) {
      spdlog::error("a message from the broker is not understood");
    }
  }
}

void BrokerChannel::tell(abi::message_kind kind) {
  abi::processor_request request{};
  request.kind = kind;
  send(request);
}

void BrokerChannel::ask_for_tls_probes(const model::ProcessKey& process) {
  abi::processor_request request{};
  request.kind = abi::kRequestProbes;
  request.probe_set = abi::kProbesTls;
  request.process = {process.pid, process.exec_generation, process.start_ns};
  send(request);
}

void BrokerChannel::send(abi::processor_request request) {
  request.version = abi::kChannelVersion;
  request.length = sizeof(request);
  request.request_id = next_request_++;
  static_cast<void>(::send(fd_.get(), &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL));
}

}  // namespace beyla::processor
