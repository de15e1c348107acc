#include "agent/processor/belt_counters.h"

#include <string_view>

namespace beyla::processor {
namespace {

using Members = std::vector<base::CounterBank::Member>;

// Of several members that are one array the name stands for all: their number is part of the list.
template <typename Counters>
void add_all(Members& members, std::string_view name, Counters& counters) {
  for (base::Counter& counter : counters) members.push_back({name, &counter});
}

void add_spans(Members& members, spans::SpanCounts& counts) {
  for (auto& role : counts.by_role) {
    members.push_back({"exchanges", &role.exchanges});
    add_all(members, "incomplete", role.incomplete);
    members.push_back({"undecided", &role.undecided});
  }
  members.push_back({"unpaired", &counts.unpaired});
  members.push_back({"gaps", &counts.gaps});
  members.push_back({"partly_unknown", &counts.partly_unknown});
}

void add_sessions(Members& members, protocols::session::SessionCounters& counts) {
  members.push_back({"sessions_over_limit", &counts.sessions_over_limit});
  members.push_back({"unknown_connection", &counts.unknown_connection});
  members.push_back({"opaque_connections", &counts.opaque_connections});
  members.push_back({"holds_timed_out", &counts.holds_timed_out});
  members.push_back({"holds_over_limit", &counts.holds_over_limit});
}

void add_encrypted(Members& members, protocols::session::EncryptedCounters& counts) {
  members.push_back({"encrypted", &counts.recognised});
  members.push_back({"encrypted_unseen", &counts.unseen});
}

void add_calls(Members& members, protocols::calls::CallCounters& counts) {
  members.push_back({"calls_over_limit", &counts.over_limit});
  members.push_back({"calls_unmatched_ends", &counts.unmatched_ends});
  members.push_back({"calls_missed_ends", &counts.missed_ends});
  members.push_back({"calls_blind", &counts.blind});
}

void add_links(Members& members, spans::LinkCounters& counts) {
  members.push_back({"links_joined", &counts.joined});
  members.push_back({"links_unjoined", &counts.unjoined});
  add_all(members, "links_parents", counts.parents);
  members.push_back({"links_over_limit", &counts.over_limit});
}

Members members_of(const BeltCounters::Stages& stages) {
  Members members;
  add_all(members, "delivered", stages.decoder.delivered);
  members.push_back({"malformed", &stages.decoder.malformed});
  add_spans(members, stages.spans);
  add_sessions(members, stages.sessions);
  add_encrypted(members, stages.encrypted);
  add_calls(members, stages.calls);
  add_links(members, stages.links);
  members.push_back({"dropped_lines", &stages.dropped_lines});
  members.push_back({"refused_connections", &stages.refused_connections});
  return members;
}

}  // namespace

BeltCounters::BeltCounters(base::Ledger& ledger, std::size_t region, const Stages& stages)
    : BeltCounters(ledger, region, members_of(stages)) {}

BeltCounters::BeltCounters(base::Ledger& ledger, std::size_t region, const Members& members)
    : bank_(ledger, region, members) {
  for (std::size_t i = 0; i < members.size(); ++i) index_.emplace(members[i].counter, i);
}

}  // namespace beyla::processor
