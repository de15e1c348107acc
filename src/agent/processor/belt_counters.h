// The counters of the stages, as they were committed last: what a scrape shows, and what the next
// processor begins with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/counter.h"
#include "base/counter_bank.h"
#include "base/ledger.h"
#include "capture/record_decoder.h"
#include "protocols/calls/call_table.h"
#include "protocols/session/session_table.h"
#include "spans/linker.h"
#include "spans/span_builder.h"

namespace beyla::processor {

class BeltCounters {
 public:
  struct Stages {
    capture::DecoderCounts& decoder;
    spans::SpanCounts& spans;
    protocols::session::SessionCounters& sessions;
    protocols::session::EncryptedCounters& encrypted;
    protocols::calls::CallCounters& calls;
    spans::LinkCounters& links;
    base::Counter& dropped_lines;
    base::Counter& refused_connections;  // of a predecessor
  };

  // Borrows all of them. The region is one of base::CounterBank.
  BeltCounters(base::Ledger& ledger, std::size_t region, const Stages& stages);

  // Call before anybody counts. False: no predecessor has left any.
  bool restore() { return bank_.restore(); }
  // Call before Ledger::commit().
  void stage() { bank_.stage(); }
  // REQUIRES: one of a stage. Any thread.
  [[nodiscard]] std::uint64_t committed(const base::Counter& counter) const {
    return bank_.committed(index_.at(&counter));
  }

 private:
  using Members = std::vector<base::CounterBank::Member>;
  BeltCounters(base::Ledger& ledger, std::size_t region, const Members& members);

  base::CounterBank bank_;
  std::unordered_map<const base::Counter*, std::size_t> index_;
};

}  // namespace beyla::processor
