// The connections that are open, and the protocol each one speaks. Kernel records come in, in ring
// order; Exchanges go out through the parsers, and policies to the kernel. The shard's thread only;
// the counters may be read by any thread.
//
// A client's answer may stand in the ring before the request that it answers: the tracepoint of the
// send runs after the bytes left, and another thread can read the answer first. Its other_offset
// tells exactly, so it is held until the request is there, or is known not to come.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "base/ledger.h"
#include "model/capture_policy.h"
#include "model/event.h"
#include "model/exchange.h"
#include "protocols/registry.h"
#include "protocols/session/connection_book.h"
#include "protocols/session/encrypted.h"
#include "protocols/session/protocol_parser.h"
#include "protocols/session/retention.h"

namespace beyla::protocols::session {

// Ours: a tracepoint is late by microseconds, by milliseconds when its thread loses the CPU between
// the send and it.
inline constexpr std::chrono::milliseconds kMaxHoldTime{400};
inline constexpr std::size_t kMaxHeldRecords = 64;                   // of a connection
inline constexpr std::size_t kMaxHeldBytes = std::size_t{1} << 16U;  // of a connection
inline constexpr std::size_t kMaxHeldBytesTotal = std::size_t{1} << 23U;
// Ours: what parsers may keep, all together.
inline constexpr std::size_t kMaxParserBytesTotal = std::size_t{1} << 26U;
// Ours: beyond, nobody gets more than a share. 12,000 open streams, or 75 connections that use the
// largest tables; of others, with tables of the usual size, 300 to 750.
inline constexpr std::size_t kTightParserBytesTotal = std::size_t{3} << 20U;

struct SessionCounters {
  base::Counter sessions_over_limit;
  base::Counter unknown_connection;  // data records of connections whose opening we never saw
  base::Counter opaque_connections;  // no protocol of ours, or no longer
  base::Counter holds_timed_out;     // what a held record waited for counts as lost
  base::Counter holds_over_limit;    // likewise
};

class SessionTable final : public model::EventSink {
 public:
  // The sinks and the registry must outlive this. tap: null where nothing is recorded.
  SessionTable(model::ExchangeSink& exchanges, model::CapturePolicySink& policies,
               std::span<const ProtocolDescriptor* const> registry, RecordTap* tap = nullptr,
               RecordOrder order = RecordOrder::ring);
  ~SessionTable() override;

  void on_opened(const model::ConnectionOpened& event) override;
  void on_data(const model::StreamData& event) override;
  void on_send_closed(const model::SendClosed& event) override;
  void on_closed(const model::ConnectionClosed& event) override;

  // Ends holds that no record will end. To be called twice a second, when all records that there
  // are have been delivered.
  void tidy(base::BootTime now);
  // At shutdown, as if every connection closed now. The table is empty afterwards.
  void flush(base::BootTime now);

  struct Restored {
    std::size_t connections = 0;
    std::size_t refused = 0;  // entries that cannot be right
  };
  // Goes on with the connections that a predecessor had committed (all zero: none), and keeps a
  // book of them from now on. What was in flight is gone: no exchange, incomplete or unpaired comes
  // of it; SpanBuilder counts it. Call on a new table, at most once.
  Restored keep_book(std::span<const std::byte> committed, base::BootTime now);
  // Changes since the last call; the region is of ConnectionBook::region_bytes().
  // REQUIRES: a book is kept.
  void stage(base::Ledger& ledger, std::size_t region) {
    take_book_changes([&ledger, region](std::size_t offset, std::span<const std::byte> bytes) {
      ledger.stage(region, offset, bytes);
    });
  }
  // The same for any write(offset, span<const byte>).
  template <typename Write>
  void take_book_changes(Write&& write) {
    update_book();
    book_->take_changes(std::forward<Write>(write));
  }

  // Those that are open, in no order.
  void visit_connections(const std::function<void(const model::ConnectionInfo&)>& visit) const;

  // Whose bytes are TLS; whoever knows of calls tells it.
  [[nodiscard]] EncryptedConnections& encrypted() { return encrypted_; }
  [[nodiscard]] const EncryptedConnections& encrypted() const { return encrypted_; }

  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  [[nodiscard]] std::size_t held_bytes() const { return held_bytes_; }
  [[nodiscard]] std::size_t parser_bytes() const { return parser_bytes_; }
  [[nodiscard]] const SessionCounters& counters() const { return counters_; }
  [[nodiscard]] SessionCounters& counters() { return counters_; }  // to restore them

 private:
  struct Session;

  void put_in_order(Session& session, const model::StreamData& event);
  void hold(Session& session, const model::StreamData& event);
  void release_front(Session& session);
  void release_ready(Session& session);
  void release_all(Session& session);
  [[nodiscard]] bool tidy_holds(Session& session, base::BootTime now);

  void deliver(Session& session, const model::StreamData& event);
  void understand(Session& session, const model::StreamData& event);
  void lose(Session& session, model::Direction direction, std::uint64_t end,
            const model::StreamData& at);
  bool advance(Session& session, const model::StreamData& event, std::uint64_t& skip);
  void detect(Session& session, const model::StreamData& event);
  [[nodiscard]] bool is_encrypted(Session& session, const model::StreamData& event);
  void note_plaintext(const model::ConnectionInfo& plaintext);
  void start(Session& session);
  void make_parser(Session& session, const model::ConnectionInfo& info);
  void make_opaque(Session& session);
  void weigh(Session& session, base::BootTime now);
  void feed(Session& session, const model::StreamData& event, std::uint64_t skip);

  void touch(Session& session);
  void note_touched(Session& session);
  void update_book();
  [[nodiscard]] ConnectionBook::Entry entry_of(const Session& session) const;
  void revive(std::uint32_t place, const ConnectionBook::Entry& entry, base::BootTime now);

  model::ExchangeSink& exchanges_;
  model::CapturePolicySink& policies_;
  std::span<const ProtocolDescriptor* const> registry_;
  RecordTap* tap_;
  RecordOrder order_;
  std::unordered_map<model::ConnectionId, Session> sessions_;
  std::unordered_set<model::ConnectionId> holding_;  // open ones; some may hold no more
  std::size_t held_bytes_ = 0;
  std::size_t parser_bytes_ = 0;
  std::unique_ptr<ConnectionBook> book_;      // null: none is kept
  std::vector<model::ConnectionId> touched_;  // since it was staged; may have closed
  EncryptedConnections encrypted_;
  SessionCounters counters_;
};

}  // namespace beyla::protocols::session
