#include "agent/broker/request_reader.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>

namespace beyla::broker {
namespace {

// One more than a request, so that a longer datagram is seen to be longer.
using Buffer = std::array<std::byte, sizeof(abi::processor_request) + 1>;

// recv() says 0 of an empty datagram and of the end.
bool is_closed(int channel) {
  pollfd state{channel, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

RequestReader::Turn RequestReader::read(int channel, base::BootTime now) {
  Buffer buffer{};
  for (std::size_t taken = 0; taken < kMaxPerTurn; ++taken) {
    const ssize_t got = ::recv(channel, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) {
      const bool is_empty = errno == EAGAIN || errno == EWOULDBLOCK;
      return is_empty || errno == EINTR ? Turn::done : Turn::closed;
    }
    if (got == 0 && is_closed(channel)) return Turn::closed;
    desk_.take(std::span(buffer).first(static_cast<std::size_t>(got)), now);
    if (desk_.is_hostile()) return Turn::hostile;
    if (desk_.is_flooded()) return Turn::flooded;
  }
  resume_at_ = now + kPause;
  return Turn::done;
}

}  // namespace beyla::broker
