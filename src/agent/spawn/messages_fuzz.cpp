// Any bytes to the readers of abi/spawn.h: what is accepted is within the limits that its users
// trust.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "agent/spawn/messages.h"

// First byte: how many fds came along; second: whether something was cut; then the datagram.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace spawn = beyla::agent::spawn;
  namespace abi = beyla::abi;
  if (size < 2) return 0;
  const spawn::Attachments attachments{data[0], (data[1] & 1) != 0};
  const std::span bytes(reinterpret_cast<const std::byte*>(data + 2), size - 2);
  const auto request = spawn::decode_request(bytes, attachments);
  if (request) {
    if (attachments.cut || request->child_id == 0) std::abort();
    const bool child = request->kind == abi::kSpawnChild;
    if (request->file_count > abi::kMaxSpawnFiles) std::abort();
    if (attachments.fd_count != (child ? request->file_count + 1 : 0)) std::abort();
  } else if (request.error() == abi::kNotRefused ||
             std::strlen(spawn::refusal_text(request.error())) == 0) {
    std::abort();
  }
  if (const auto report = spawn::decode_report(bytes)) {
    const bool refused = report->kind == abi::kSpawnRefused;
    if (!refused && (report->child_id == 0 || report->pid <= 0)) std::abort();
    if (refused && report->refusal >= abi::kSpawnRefusals) std::abort();
  }
  if (const auto hello = spawn::decode_hello(bytes)) {
    if (std::memchr(hello->problem, 0, sizeof(hello->problem)) == nullptr) std::abort();
  }
  return 0;
}
