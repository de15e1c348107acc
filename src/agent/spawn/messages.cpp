#include "agent/spawn/messages.h"

#include <array>

#include "base/byte_reader.h"

namespace beyla::agent::spawn {
namespace {

constexpr int kHighestSignal = 64;  // SIGRTMAX, signal(7)
constexpr int kHighestExitCode = 255;

template <typename T>
std::optional<T> read_whole(std::span<const std::byte> bytes) {
  if (bytes.size() != sizeof(T)) return std::nullopt;
  return base::ByteReader(bytes).read_struct<T>();
}

bool is_plausible_end(const abi::spawn_report& report) {
  return report.exit_code >= 0 && report.exit_code <= kHighestExitCode && report.signal >= 0 &&
         report.signal <= kHighestSignal;
}

}  // namespace

std::expected<abi::spawn_request, abi::spawn_refusal> decode_request(
    std::span<const std::byte> bytes, Attachments attachments) {
  if (attachments.cut) return std::unexpected(abi::kRefusedCut);
  const auto request = read_whole<abi::spawn_request>(bytes);
  if (!request) return std::unexpected(abi::kRefusedSize);
  if (request->version != abi::kSpawnVersion) return std::unexpected(abi::kRefusedVersion);
  if (request->length != sizeof(abi::spawn_request)) return std::unexpected(abi::kRefusedSize);
  if (request->child_id == 0 || request->padding != 0) {
    return std::unexpected(abi::kRefusedFields);
  }
  switch (request->kind) {
    case abi::kSpawnChild:
      if (request->file_count > abi::kMaxSpawnFiles ||
          attachments.fd_count != request->file_count + 1) {
        return std::unexpected(abi::kRefusedFdCount);
      }
      return *request;
    case abi::kSpawnKill:
      if (request->role != 0 || request->file_count != 0) {
        return std::unexpected(abi::kRefusedFields);
      }
      if (attachments.fd_count != 0) return std::unexpected(abi::kRefusedFdCount);
      return *request;
    default: return std::unexpected(abi::kRefusedKind);
  }
}

std::optional<abi::spawn_report> decode_report(std::span<const std::byte> bytes) {
  const auto report = read_whole<abi::spawn_report>(bytes);
  if (!report || report->version != abi::kSpawnVersion ||
      report->length != sizeof(abi::spawn_report)) {
    return std::nullopt;
  }
  const bool child = report->child_id != 0 && report->pid > 0;
  switch (report->kind) {
    case abi::kSpawnStarted: return child ? report : std::nullopt;
    case abi::kSpawnRefused:
      return report->refusal > abi::kNotRefused && report->refusal < abi::kSpawnRefusals
                 ? report
                 : std::nullopt;
    case abi::kSpawnExited: return child && is_plausible_end(*report) ? report : std::nullopt;
    default: return std::nullopt;
  }
}

std::optional<abi::spawn_hello> decode_hello(std::span<const std::byte> bytes) {
  const auto hello = read_whole<abi::spawn_hello>(bytes);
  if (!hello || hello->version != abi::kSpawnVersion || hello->length != sizeof(abi::spawn_hello) ||
      hello->ready > 1 || hello->problem[abi::kSpawnProblemBytes - 1] != 0) {
    return std::nullopt;
  }
  return hello;
}

const char* refusal_text(abi::spawn_refusal refusal) {
  static constexpr std::array<const char*, abi::kSpawnRefusals> kTexts = {
      "not refused",
      "the request or its files did not arrive whole",
      "a request of another size",
      "a request of another version",
      "a request of an unknown kind",
      "a request with fields of another kind",
      "a request with another number of files than it says",
      "no such role",
      "the id belongs to a living child",
      "too many children",
      "fork failed"};
  return refusal < kTexts.size() ? kTexts[refusal] : "unknown refusal";
}

}  // namespace beyla::agent::spawn
