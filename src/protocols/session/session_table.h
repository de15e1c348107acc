// The connections that are open, and the protocol each one speaks. Kernel records come in, in ring
// order; Exchanges go out through the parsers, and policies to the kernel. The shard's thread only;
// the counters may be read by any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/counter.h"
#include "model/capture_policy.h"
#include "model/event.h"
#include "model/exchange.h"
#include "protocols/registry.h"
#include "protocols/session/protocol_parser.h"
#include "protocols/session/retention.h"

namespace beyla::protocols::session {

inline constexpr std::size_t kMaxSessions = 65536;  // ours: about 30 MB when all are busy
inline constexpr std::size_t kMaxDetectBytes = 24;  // ours: RFC 9113 §3.4, the longest preface
inline constexpr std::size_t kMaxDetectTries = 64;  // ours: calls of a connection joined midway

struct SessionCounters {
  base::Counter sessions_over_limit;
  base::Counter unknown_connection;  // data records of connections whose opening we never saw
  base::Counter opaque_connections;  // no protocol of ours, or no longer
};

class SessionTable final : public model::EventSink {
 public:
  // The sinks and the registry must outlive this. retention: null where nothing is recorded.
  SessionTable(model::ExchangeSink& exchanges, model::CapturePolicySink& policies,
               std::span<const ProtocolDescriptor* const> registry,
               RetentionSink* retention = nullptr);
  ~SessionTable() override;

  void on_opened(const model::ConnectionOpened& event) override;
  void on_data(const model::StreamData& event) override;
  void on_send_closed(const model::SendClosed& event) override;
  void on_closed(const model::ConnectionClosed& event) override;

  // At shutdown, as if every connection closed now. The table is empty afterwards.
  void flush(base::BootTime now);

  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  [[nodiscard]] const SessionCounters& counters() const { return counters_; }

 private:
  struct Detection;
  struct Session;
  struct Verdict;

  void detect(Session& session, const model::StreamData& event);
  void on_mismatch(Session& session);
  void start(Session& session, const ProtocolDescriptor& descriptor);
  void make_opaque(Session& session);
  [[nodiscard]] Verdict extend(Detection& detection, std::span<const std::byte> bytes) const;
  [[nodiscard]] Verdict judge(std::span<const std::byte> bytes) const;
  bool advance(Session& session, const model::StreamData& event, std::uint64_t& skip);
  void feed(Session& session, const model::StreamData& event, std::uint64_t skip);

  model::ExchangeSink& exchanges_;
  model::CapturePolicySink& policies_;
  std::span<const ProtocolDescriptor* const> registry_;
  RetentionSink* retention_;
  std::unordered_map<model::ConnectionId, Session> sessions_;
  SessionCounters counters_;
};

}  // namespace beyla::protocols::session
