#include "agent/processor/processor.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/handover/processor_settings.h"
#include "agent/processor/broker_books_reader.h"
#include "agent/processor/pipeline.h"
#include "agent/processor/self_metrics.h"
#include "agent/processor/start.h"
#include "base/clock.h"
#include "capture/ring/kernel_books.h"
#include "export/prometheus/process_metrics.h"
#include "export/prometheus/red_text.h"
#include "export/prometheus/scrape_server.h"
#include "export/prometheus/text_format.h"

namespace beyla::processor {
namespace {

using agent::config::ProcessorSettings;
using exporters::prometheus::Sample;
using exporters::prometheus::ScrapeServer;
using exporters::prometheus::TextPieces;

constexpr int kExitFailed = 1;
constexpr int kExitFinal = 2;
constexpr std::chrono::seconds kPatience{5};  // the broker sends the start message at once

// Everything a scrape shows.
class MetricsPage {
 public:
  MetricsPage(Start& start, const Pipeline& pipeline, BrokerBooksReader books)
      : pipeline_(pipeline),
        books_(std::move(books)),
        cpus_(start.cpus),
        counts_by_kind_(start.take(abi::kFdCountsByKind)),
        notes_by_kind_(start.take(abi::kFdNotesByKind)) {
    for (const auto stat : {abi::kFdBrokerStat, abi::kFdSpawnerStat, abi::kFdProcessorStat}) {
      if (start.fds[stat].valid()) files_.stats.push_back(start.take(stat));
    }
    files_.machine = start.take(abi::kFdMachineStat);
  }

  [[nodiscard]] TextPieces render() const {
    std::vector<Sample> samples;
    // The delivered ones first: what is generated meanwhile must not look lost.
    pipeline_.collect(samples);
    collect_kernel_books(
        capture::ring::read_kernel_books(counts_by_kind_.get(), notes_by_kind_.get(), cpus_),
        samples);
    collect_broker_books(books_, samples);
    collect_build_info(samples);
    exporters::prometheus::collect_process_metrics(files_, samples);
    std::string text;
    exporters::prometheus::append_samples(text, samples);
    return exporters::prometheus::red_text_pieces(pipeline_.series(), std::move(text));
  }

 private:
  const Pipeline& pipeline_;
  BrokerBooksReader books_;
  std::size_t cpus_;
  base::Fd counts_by_kind_;
  base::Fd notes_by_kind_;
  exporters::prometheus::ProcessFiles files_;
};

std::unique_ptr<Recorder> make_recorder(Start& start) {
  if (!start.fds[abi::kFdRecording].valid()) return nullptr;
  return std::make_unique<Recorder>(capture::replay::RecordingWriter(
      start.take(abi::kFdRecording), start.recording_name, base::wall_clock_offset()));
}

base::Result<std::unique_ptr<Pipeline>> make_pipeline(const ProcessorSettings& settings,
                                                      Start& start, base::Fd channel) {
  const capture::ring::KernelCaptureFds fds{.data_ring = start.fd(abi::kFdDataRing),
                                            .policy_by_slot = start.fd(abi::kFdPolicyBySlot),
                                            .reader_by_zero = start.fd(abi::kFdReaderByZero),
                                            .lost_closes = start.fd(abi::kFdLostCloses)};
  return Pipeline::make(settings, fds, start.fd(abi::kFdLedger), BrokerChannel(std::move(channel)),
                        make_recorder(start));
}

base::Result<int> run_processor(base::Fd channel) {
  Start start = TRY(receive_start(channel.get(), kPatience));
  const auto settings = TRY(
      agent::config::decode_settings(std::span(start.settings).first(sizeof(abi::settings_blob))));
  agent::config::apply_log_level(settings.log_level);
  const auto pipeline = TRY(make_pipeline(settings, start, std::move(channel)));
  const MetricsPage page(start, *pipeline,
                         TRY(BrokerBooksReader::map(start.fd(abi::kFdBrokerBooks))));
  std::unique_ptr<ScrapeServer> server;
  if (start.fds[abi::kFdListeningSocket].valid()) {
    server = TRY(ScrapeServer::make(start.fd(abi::kFdListeningSocket), settings.prometheus_path,
                                    [&page] { return page.render(); }));
  }
  if (pipeline->run() != Pipeline::End::recording_failed) return 0;
  // The agent ends with it: said as the agent says it.
  fmt::print(stderr, "beyla: {}\n", pipeline->recording_error()->message());
  return kExitFinal;
}

}  // namespace

int processor_main(base::Fd channel) {
  // Who reads our output may go; a log line must not end us then, and every successor after us.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const auto done = run_processor(std::move(channel));
    if (done) return *done;
    spdlog::error("the processor: {}", done.error().message());
  } catch (const std::exception& error) {
    spdlog::error("the processor: {}", error.what());
  }
  return kExitFailed;
}

}  // namespace beyla::processor
