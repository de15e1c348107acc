#include "agent/self_metrics.h"

#include <array>
#include <string>

#include "agent/belt.h"
#include "agent/pipeline.h"
#include "agent/version.h"

namespace beyla::agent {
namespace {

using exporters::prometheus::Sample;

constexpr std::array<std::string_view, abi::kEventKinds> kKindNames = {"open", "data", "fin",
                                                                       "close", "process"};
constexpr std::array<std::string_view, 3> kIncompleteNames = {"no_answer", "gap", "limit"};
static_assert(kIncompleteNames.size() == static_cast<std::size_t>(model::IncompleteReason::kCount));
constexpr std::array<std::string_view, abi::kNotes> kNoteNames = {"unreadable", "no_policy_slot",
                                                                  "no_socket_storage"};

Sample make_sample(Sample::Type type, std::string_view name, std::string_view help, Labels labels,
                   std::uint64_t value) {
  return {std::string(name), std::string(help), type, std::move(labels), value};
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

void collect_books(const capture::ring::KernelBooks& books, const capture::DecoderCounts& delivered,
                   std::uint64_t process_events_read, std::vector<Sample>& samples) {
  for (std::size_t kind = 0; kind < abi::kEventKinds; ++kind) {
    const Labels labels{{"kind", std::string(kKindNames[kind])}};
    samples.push_back(counter_sample("beyla_events_generated_total",
                                     "records the kernel half made; equals delivered plus lost",
                                     labels, books.by_kind[kind].generated));
    samples.push_back(counter_sample(
        "beyla_events_delivered_total", "records read from the kernel's rings", labels,
        kind == abi::kEventProcess ? process_events_read : delivered.delivered[kind].value()));
    samples.push_back(
        counter_sample("beyla_events_lost_total", "records lost between the kernel half and us",
                       {{"kind", std::string(kKindNames[kind])}, {"reason", "ring_full"}},
                       books.by_kind[kind].lost[abi::kLossRingFull]));
  }
  for (std::size_t note = 0; note < abi::kNotes; ++note) {
    samples.push_back(counter_sample(
        "beyla_capture_degraded_total",
        "socket calls whose bytes were counted but not read, and connections without a policy",
        {{"reason", std::string(kNoteNames[note])}}, books.notes[note]));
  }
  samples.push_back(malformed_sample(delivered));
}

Sample malformed_sample(const capture::DecoderCounts& counts) {
  return counter_sample("beyla_events_malformed_total", "records that were not as their kind says",
                        {}, counts.malformed.value());
}

void collect_discovery(const discover::DiscoveryCounts& counts, std::vector<Sample>& samples) {
  samples.push_back(gauge_sample("beyla_targets", "processes that are instrumented now", {},
                                 counts.selected.value() - counts.ended.value()));
  samples.push_back(
      counter_sample("beyla_probes_skipped_total", "processes or probes that were left out",
                     {{"reason", "process_gone"}}, counts.skipped_process_gone.value()));
}

void collect_build_info(std::vector<Sample>& samples) {
  samples.push_back(gauge_sample("beyla_build_info", "version of this agent",
                                 {{"version", std::string(kVersion)}}, 1));
}

void Belt::collect(std::vector<Sample>& samples) const {
  const auto& counts = spans_.counts();
  samples.push_back(counter_sample(
      "beyla_exchanges_total", "requests with their answers, of instrumented processes",
      {{"protocol", "http"}, {"role", "server"}}, counts.server_exchanges.value()));
  for (std::size_t reason = 0; reason < counts.incomplete.size(); ++reason) {
    samples.push_back(
        counter_sample("beyla_exchanges_incomplete_total", "requests whose answer was not seen",
                       {{"role", "server"}, {"reason", std::string(kIncompleteNames[reason])}},
                       counts.incomplete[reason].value()));
  }
  samples.push_back(counter_sample("beyla_exchanges_incomplete_total", "",
                                   {{"role", "server"}, {"reason", "undecided"}},
                                   counts.undecided.value()));
  samples.push_back(counter_sample("beyla_exchanges_unpaired_total",
                                   "answers whose request was not seen", {},
                                   counts.unpaired.value()));
  samples.push_back(counter_sample("beyla_connection_gaps_total",
                                   "places in a byte stream where records were lost", {},
                                   counts.gaps.value()));
  samples.push_back(counter_sample("beyla_request_sizes_unknown_total",
                                   "requests whose body size is not known exactly", {},
                                   red_metrics_.sizes_unknown().value()));
  samples.push_back(counter_sample("beyla_series_overflow_total",
                                   "requests that would have opened one series too many", {},
                                   red_metrics_.over_series_limit().value()));
  samples.push_back(gauge_sample("beyla_connections", "connections that are remembered", {},
                                 open_connections_.load(std::memory_order_relaxed)));
  samples.push_back(counter_sample(
      "beyla_connections_unparsed_total", "what was captured of connections that are not followed",
      {{"reason", "over_limit"}}, sessions_.counters().sessions_over_limit.value()));
  samples.push_back(counter_sample("beyla_connections_unparsed_total", "",
                                   {{"reason", "unknown_connection"}},
                                   sessions_.counters().unknown_connection.value()));
  samples.push_back(counter_sample("beyla_connections_opaque_total",
                                   "connections that speak no protocol we know", {},
                                   sessions_.counters().opaque_connections.value()));
}

void Pipeline::collect(std::vector<Sample>& samples) const {
  belt_.collect(samples);
  samples.push_back(counter_sample("beyla_trace_lines_dropped_total",
                                   "trace lines that standard output did not take in time", {},
                                   printer_ ? printer_->dropped().value() : 0));
}

}  // namespace beyla::agent
