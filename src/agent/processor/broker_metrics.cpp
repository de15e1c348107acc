// What the broker counts, as metrics.
#include <linux/capability.h>

#include <array>

#include "agent/processor/self_metrics.h"

namespace beyla::processor {
namespace {

using exporters::prometheus::Sample;

constexpr std::array<std::string_view, abi::kRequestOutcomes> kOutcomeNames = {
    "accepted", "not_target", "other_image",  "not_allowed",
    "too_fast", "too_many",   "attach_failed"};

constexpr std::pair<int, std::string_view> kCapabilities[] = {
    {CAP_BPF, "CAP_BPF"},
    {CAP_PERFMON, "CAP_PERFMON"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"}};

void collect_requests(const BrokerBooksReader& books, std::vector<Sample>& samples) {
  const auto add = [&](std::string_view outcome, std::uint64_t count) {
    samples.push_back(counter_sample("beyla_requests_total",
                                     "what the processor asked of the broker, by what came of it",
                                     {{"outcome", std::string(outcome)}}, count));
  };
  for (std::uint32_t outcome = 0; outcome < abi::kRequestOutcomes; ++outcome) {
    const auto book = abi::book_of(static_cast<abi::request_outcome>(outcome));
    add(kOutcomeNames[outcome], books.value(book));
  }
  add("malformed", books.value(abi::kBookRequestsMalformed));
  add("repeated", books.value(abi::kBookRequestsRepeated));
}

}  // namespace

void collect_broker_books(const BrokerBooksReader& books, std::vector<Sample>& samples) {
  samples.push_back(delivered_sample(abi::kEventProcess, books.value(abi::kBookProcessEventsRead)));
  // In this order: a target that is selected meanwhile must not make it negative.
  const std::uint64_t ended = books.value(abi::kBookTargetsEnded);
  samples.push_back(gauge_sample("beyla_targets", "processes that are instrumented now", {},
                                 books.value(abi::kBookTargetsSelected) - ended));
  samples.push_back(counter_sample("beyla_targets_forgotten_total",
                                   "targets given up because there were too many of them", {},
                                   books.value(abi::kBookTargetsForgotten)));
  samples.push_back(
      counter_sample("beyla_probes_skipped_total", "processes or probes that were left out",
                     {{"reason", "process_gone"}}, books.value(abi::kBookSkippedProcessGone)));
  samples.push_back(counter_sample("beyla_program_runs_skipped_total",
                                   "runs of a kernel program skipped because it was running", {},
                                   books.value(abi::kBookProgramRunsSkipped)));
  samples.push_back(counter_sample("beyla_processor_restarts_total",
                                   "processors started because the one before had ended", {},
                                   books.value(abi::kBookProcessorRestarts)));
  collect_requests(books, samples);
  const std::uint64_t missing = books.value(abi::kBookCapabilitiesMissing);
  for (const auto& [number, name] : kCapabilities) {
    samples.push_back(gauge_sample(
        "beyla_capabilities_missing", "1 for a capability that the agent was not given",
        {{"capability", std::string(name)}}, missing >> static_cast<unsigned>(number) & 1U));
  }
}

}  // namespace beyla::processor
