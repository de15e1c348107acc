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

constexpr std::array<std::string_view, abi::kBinaryOutcomes> kBinaryNames = {
    "go", "tls", "other", "not_started", "died", "timed_out", "malformed", "tls_unfit"};

constexpr std::array<std::string_view, abi::kGoFailures> kGoFailureNames = {
    "too_many_images",   "too_many_links", "process_gone",
    "refused_by_kernel", "too_many_wait",  "not_permitted"};

constexpr std::array<std::string_view, abi::kGoRetryOutcomes> kRetryNames = {"done", "again",
                                                                             "given_up"};

// As probes/proof/refusal.h has them, which this side may not include.
constexpr std::array<std::string_view, abi::kProbeRefusals> kRefusalNames = {
    "malformed_message", "unsupported_architecture", "not_a_regular_file", "not_elf64",
    "unreadable_maps",   "not_executable",           "symbol_too_large",   "outside_symbol",
    "too_deep",          "unreadable_file",          "bytes_differ",       "undecodable",
    "mid_instruction",   "doubtful_boundary",        "unsafe_instruction", "not_emulated"};

constexpr std::pair<int, std::string_view> kCapabilities[] = {
    {CAP_BPF, "CAP_BPF"},
    {CAP_PERFMON, "CAP_PERFMON"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
    {CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE"}};

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

void collect_skipped(const BrokerBooksReader& books, std::vector<Sample>& samples) {
  const auto add = [&](std::string_view reason, std::uint64_t count) {
    samples.push_back(counter_sample("beyla_probes_skipped_total",
                                     "processes or probes that were left out",
                                     {{"reason", std::string(reason)}}, count));
  };
  for (std::size_t failure = 0; failure < kGoFailureNames.size(); ++failure) {
    std::uint64_t count = books.value(abi::book_of(abi::kBookGoFailures, failure));
    if (failure == abi::kGoProcessGone) count += books.value(abi::kBookSkippedProcessGone);
    if (failure == abi::kGoNotPermitted) count += books.value(abi::kBookSkippedNotPermitted);
    add(kGoFailureNames[failure], count);
  }
  for (std::size_t refusal = 0; refusal < kRefusalNames.size(); ++refusal) {
    add(kRefusalNames[refusal], books.value(abi::book_of(abi::kBookGoRefusals, refusal)));
  }
}

void collect_go(const BrokerBooksReader& books, std::vector<Sample>& samples) {
  samples.push_back(gauge_sample("beyla_go_processes", "Go programs that have probes now", {},
                                 books.value(abi::kBookGoProcesses)));
  samples.push_back(gauge_sample("beyla_tls_processes", "processes with probes in TLS code now", {},
                                 books.value(abi::kBookTlsProcesses)));
  samples.push_back(gauge_sample("beyla_probes_attached", "probes in all processes now", {},
                                 books.value(abi::kBookProbePoints)));
  samples.push_back(counter_sample("beyla_go_inlined_binaries_total",
                                   "executable files in which functions of probes were inlined", {},
                                   books.value(abi::kBookGoInlined)));
  for (std::size_t outcome = 0; outcome < kRetryNames.size(); ++outcome) {
    samples.push_back(counter_sample("beyla_probe_retries_total",
                                     "processes turned away before and tried again",
                                     {{"outcome", std::string(kRetryNames[outcome])}},
                                     books.value(abi::book_of(abi::kBookGoRetries, outcome))));
  }
  for (std::size_t outcome = 0; outcome < kBinaryNames.size(); ++outcome) {
    samples.push_back(
        counter_sample("beyla_binaries_analyzed_total",
                       "executable files and libraries looked at for probes, by what came of it",
                       {{"outcome", std::string(kBinaryNames[outcome])}},
                       books.value(abi::book_of(abi::kBookBinaries, outcome))));
  }
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
  collect_skipped(books, samples);
  collect_go(books, samples);
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
