#include "agent/processor/self_metrics.h"

#include <array>
#include <string>

#include "agent/processor/belt.h"
#include "base/version.h"

namespace beyla::processor {
namespace {

using exporters::prometheus::Sample;

constexpr std::array<std::string_view, abi::kEventKinds> kKindNames = {"open",  "data",    "fin",
                                                                       "close", "process", "call"};
constexpr std::array<std::string_view, 4> kIncompleteNames = {"no_answer", "gap", "limit",
                                                              "restart"};
static_assert(kIncompleteNames.size() == static_cast<std::size_t>(model::IncompleteReason::kCount));
constexpr std::array<std::string_view, abi::kNotes> kNoteNames = {
    "unreadable",  "no_policy_slot", "no_socket_storage",
    "tls_unbound", "tls_misfit",     "tls_table_full"};

constexpr std::array<std::string_view, 4> kParentNames = {"context", "goroutine",
                                                          "parent_goroutine", "none"};
static_assert(kParentNames.size() == static_cast<std::size_t>(spans::ParentBy::kCount));

Sample make_sample(Sample::Type type, std::string_view name, std::string_view help, Labels labels,
                   std::uint64_t value) {
  return {std::string(name), std::string(help), type, std::move(labels), value};
}

constexpr std::array<std::pair<model::Role, std::string_view>, spans::kRoles> kRoleNames = {
    {{model::Role::server, "server"},
     {model::Role::client, "client"},
     {model::Role::unknown, "unknown"}}};

void collect_role(std::string_view role, const spans::RoleCounts& counts,
                  const BeltCounters& counters, std::vector<Sample>& samples) {
  samples.push_back(counter_sample(
      "beyla_exchanges_total", "requests with their answers, of instrumented processes",
      {{"protocol", "http"}, {"role", std::string(role)}}, counters.committed(counts.exchanges)));
  const auto add_incomplete = [&](std::string_view reason, std::uint64_t value) {
    samples.push_back(
        counter_sample("beyla_exchanges_incomplete_total", "requests whose answer was not seen",
                       {{"role", std::string(role)}, {"reason", std::string(reason)}}, value));
  };
  for (std::size_t reason = 0; reason < counts.incomplete.size(); ++reason) {
    add_incomplete(kIncompleteNames[reason], counters.committed(counts.incomplete[reason]));
  }
  add_incomplete("undecided", counters.committed(counts.undecided));
}

// Both histograms of a family, if it has two, have the same series; a size that is not known is in
// neither.
void collect_series(const exporters::aggregate::FamilyCounts& family,
                    std::vector<Sample>& samples) {
  std::vector<std::pair<std::string_view, std::uint64_t>> metrics = {
      {family.names->duration.name, family.overflowed}};
  if (const auto& size = family.names->request_size) {
    metrics.emplace_back(size->name, family.overflowed_sizes);
  }
  for (const auto& [metric, overflowed] : metrics) {
    const Labels labels{{"metric", std::string(metric)}};
    samples.push_back(gauge_sample("beyla_series", "series of the metric, with its overflow series",
                                   labels, family.series));
    samples.push_back(counter_sample("beyla_series_expired_total",
                                     "series dropped after their service's last process ended",
                                     labels, family.expired));
    samples.push_back(counter_sample(
        "beyla_series_overflow_total",
        "observations counted in the overflow series because the metric had no room for another",
        labels, overflowed));
  }
}

}  // namespace

Sample counter_sample(std::string_view name, std::string_view help, Labels labels,
                      std::uint64_t value) {
  return make_sample(Sample::Type::counter, name, help, std::move(labels), value);
}
Sample gauge_sample(std::string_view name, std::string_view help, Labels labels,
                    std::uint64_t value) {
  return make_sample(Sample::Type::gauge, name, help, std::move(labels), value);
}

void collect_kernel_books(const capture::ring::KernelBooks& books, std::vector<Sample>& samples) {
  for (std::size_t kind = 0; kind < abi::kEventKinds; ++kind) {
    const std::string name(kKindNames[kind]);
    samples.push_back(counter_sample("beyla_events_generated_total",
                                     "records the kernel half made; equals delivered plus lost",
                                     {{"kind", name}}, books.by_kind[kind].generated));
    samples.push_back(counter_sample(
        "beyla_events_lost_total", "records lost between the kernel half and us",
        {{"kind", name}, {"reason", "ring_full"}}, books.by_kind[kind].lost[abi::kLossRingFull]));
  }
  for (std::size_t note = 0; note < abi::kNotes; ++note) {
    samples.push_back(counter_sample(
        "beyla_capture_degraded_total",
        "socket calls whose bytes were counted but not read, and connections without a policy",
        {{"reason", std::string(kNoteNames[note])}}, books.notes[note]));
  }
}

Sample delivered_sample(abi::event_kind kind, std::uint64_t count) {
  return counter_sample("beyla_events_delivered_total", "records read from the kernel's rings",
                        {{"kind", std::string(kKindNames[kind])}}, count);
}

void collect_build_info(std::vector<Sample>& samples) {
  samples.push_back(gauge_sample("beyla_build_info", "version of this agent",
                                 {{"version", std::string(base::kVersion)}}, 1));
}

void Belt::collect(std::vector<Sample>& samples) const {
  const auto value = [this](const base::Counter& counter) { return counters_.committed(counter); };
  samples.push_back(counter_sample("beyla_events_malformed_total",
                                   "records that were not as their kind says", {},
                                   value(decoder_.malformed)));
  const auto& counts = spans_.counts();
  for (const auto& [role, name] : kRoleNames) {
    collect_role(name, counts.of(role), counters_, samples);
  }
  samples.push_back(counter_sample("beyla_exchanges_unpaired_total",
                                   "answers whose request was not seen", {},
                                   value(counts.unpaired)));
  samples.push_back(counter_sample("beyla_exchanges_partly_unknown_total",
                                   "requests whose method or path was not seen", {},
                                   value(counts.partly_unknown)));
  samples.push_back(counter_sample("beyla_connection_gaps_total",
                                   "places in a byte stream where records were lost", {},
                                   value(counts.gaps)));
  collect_sessions(samples);
  collect_calls(samples);
  samples.push_back(counter_sample("beyla_request_sizes_unknown_total",
                                   "requests whose body size is not known exactly", {},
                                   red_metrics_.sizes_unknown()));
  for (const auto& family : red_metrics_.counts()) collect_series(family, samples);
  const std::pair<std::string_view, std::uint64_t> refused[] = {
      {"series", red_metrics_.restore_refused()}, {"connections", value(refused_connections_)}};
  for (const auto& [what, count] : refused) {
    samples.push_back(counter_sample("beyla_restore_refused_total",
                                     "what a processor left behind that could not be right",
                                     {{"what", std::string(what)}}, count));
  }
  samples.push_back(counter_sample("beyla_trace_lines_dropped_total",
                                   "trace lines that standard output did not take in time", {},
                                   value(dropped_lines_)));
}

void Belt::collect_delivered(std::vector<Sample>& samples) const {
  for (const auto kind :
       {abi::kEventOpen, abi::kEventData, abi::kEventFin, abi::kEventClose, abi::kEventCall}) {
    samples.push_back(delivered_sample(kind, counters_.committed(decoder_.delivered[kind])));
  }
}

void Belt::collect_sessions(std::vector<Sample>& samples) const {
  const auto value = [this](const base::Counter& counter) { return counters_.committed(counter); };
  const auto& sessions = sessions_.counters();
  const std::pair<std::string_view, const base::Counter*> given_up[] = {
      {"timeout", &sessions.holds_timed_out}, {"limit", &sessions.holds_over_limit}};
  for (const auto& [reason, counter] : given_up) {
    samples.push_back(
        counter_sample("beyla_holds_given_up_total",
                       "answers of clients taken before the request that they wait for was read",
                       {{"reason", std::string(reason)}}, value(*counter)));
  }
  samples.push_back(gauge_sample("beyla_connections", "connections that are remembered", {},
                                 open_connections_.load(std::memory_order_relaxed)));
  const std::pair<std::string_view, const base::Counter*> unparsed[] = {
      {"over_limit", &sessions.sessions_over_limit},
      {"unknown_connection", &sessions.unknown_connection}};
  for (const auto& [reason, counter] : unparsed) {
    samples.push_back(counter_sample("beyla_connections_unparsed_total",
                                     "what was captured of connections that are not followed",
                                     {{"reason", std::string(reason)}}, value(*counter)));
  }
  const auto& encrypted = sessions_.encrypted().counters();
  samples.push_back(counter_sample("beyla_connections_encrypted_total",
                                   "connections that were found to be TLS by their bytes", {},
                                   value(encrypted.recognised)));
  samples.push_back(counter_sample("beyla_connections_encrypted_unseen_total",
                                   "connections of TLS inside of which no request is seen", {},
                                   value(encrypted.unseen)));
  samples.push_back(counter_sample("beyla_connections_opaque_total",
                                   "connections that speak no protocol we know", {},
                                   value(sessions.opaque_connections)));
}

void Belt::collect_calls(std::vector<Sample>& samples) const {
  const auto value = [this](const base::Counter& counter) { return counters_.committed(counter); };
  const auto& calls = calls_.counters();
  const auto& links = linker_.counters();
  const std::pair<std::string_view, std::uint64_t> given_up[] = {
      {"calls", value(calls.over_limit)}, {"links", value(links.over_limit)}};
  for (const auto& [what, count] : given_up) {
    samples.push_back(counter_sample("beyla_go_over_limit_total",
                                     "what Go programs did that was not followed for want of room",
                                     {{"what", std::string(what)}}, count));
  }
  samples.push_back(counter_sample("beyla_go_unmatched_ends_total",
                                   "ends of calls in Go programs whose begin was not seen", {},
                                   value(calls.unmatched_ends)));
  samples.push_back(counter_sample("beyla_go_missed_ends_total",
                                   "calls in Go programs that have ended unseen", {},
                                   value(calls.missed_ends)));
  samples.push_back(counter_sample("beyla_go_blind_total",
                                   "processes whose calls of one kind begin and never end", {},
                                   value(calls.blind)));
  const std::pair<std::string_view, std::uint64_t> joins[] = {{"joined", value(links.joined)},
                                                              {"unjoined", value(links.unjoined)}};
  for (const auto& [outcome, count] : joins) {
    samples.push_back(counter_sample("beyla_go_joins_total",
                                     "requests on sockets that a goroutine was seen to serve",
                                     {{"outcome", std::string(outcome)}}, count));
  }
  for (std::size_t by = 0; by < links.parents.size(); ++by) {
    samples.push_back(counter_sample(
        "beyla_go_parents_total", "requests of Go clients, by what named their parent",
        {{"by", std::string(kParentNames[by])}}, value(links.parents[by])));
  }
}

}  // namespace beyla::processor
