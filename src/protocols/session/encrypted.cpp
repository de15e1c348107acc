#include "protocols/session/encrypted.h"

#include <algorithm>

#include "base/byte_reader.h"

namespace beyla::protocols::session {

bool begins_tls_record(std::span<const std::byte> bytes) {
  constexpr std::uint8_t kLowestType = 0x14;   // change_cipher_spec
  constexpr std::uint8_t kHighestType = 0x17;  // application_data
  constexpr std::uint8_t kMajor = 3;
  constexpr std::uint8_t kHighestMinor = 4;
  constexpr unsigned kLongest = 16'384 + 2048;
  base::ByteReader reader(bytes);
  const auto type = reader.read_u8();
  const auto major = reader.read_u8();
  const auto minor = reader.read_u8();
  const auto high = reader.read_u8();
  const auto low = reader.read_u8();
  if (!type || !major || !minor || !high || !low) return false;
  const unsigned length = unsigned{*high} << 8U | *low;
  return *type >= kLowestType && *type <= kHighestType && *major == kMajor &&
         *minor <= kHighestMinor && length > 0 && length <= kLongest;
}

void EncryptedConnections::on_recognised(model::ConnectionId id, const model::ProcessKey& process,
                                         base::BootTime now) {
  counters_.recognised.add();
  if (pending_.size() >= kMaxPending) return judge(process, now);
  pending_.try_emplace(id, Pending{process, now});
}

void EncryptedConnections::on_call(const model::ProcessKey& process) {
  if (callers_.contains(process)) return;
  if (callers_.size() >= kMaxProcesses) callers_.clear();
  callers_.insert(process);
}

void EncryptedConnections::on_closed(model::ConnectionId id, base::BootTime now) {
  const auto pending = pending_.find(id);
  if (pending == pending_.end()) return;
  judge(pending->second.process, now);
  pending_.erase(pending);
}

void EncryptedConnections::tidy(base::BootTime now) {
  std::erase_if(pending_, [&](const auto& entry) {
    if (now - entry.second.since < kPatience) return false;
    judge(entry.second.process, now);
    return true;
  });
}

void EncryptedConnections::judge(const model::ProcessKey& process, base::BootTime now) {
  if (callers_.contains(process)) return;
  counters_.unseen.add();
  if (named_.size() >= kMaxProcesses && !named_.contains(process)) named_.clear();
  Naming& naming = named_[process];
  if (now < naming.next) return;
  naming.next = now + naming.pause;
  naming.pause = std::min(naming.pause * 2, kLongestPause);
  blind_.push_back(process);
}

}  // namespace beyla::protocols::session
