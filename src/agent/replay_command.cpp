#include "agent/replay_command.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/belt.h"
#include "agent/self_metrics.h"
#include "capture/replay/player.h"
#include "capture/replay/recording_reader.h"
#include "export/console/trace_line.h"
#include "export/prometheus/red_text.h"
#include "export/prometheus/text_format.h"

namespace beyla::agent {
namespace {

constexpr std::size_t kWriteBytes = 64 * 1024;

// Standard output, for as long as somebody reads it; waits for a slow reader.
class Output {
 public:
  void put(std::string_view text) {
    waiting_ += text;
    if (waiting_.size() >= kWriteBytes) flush();
  }
  void flush() {
    std::string_view rest = waiting_;
    while (!rest.empty() && os_errno_ == 0) {
      const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        os_errno_ = errno;
      }
    }
    waiting_.clear();
  }
  [[nodiscard]] base::Result<void> result() const {
    if (os_errno_ == 0) return {};
    return base::fail_errno(os_errno_, "cannot write to standard output");
  }

 private:
  std::string waiting_;
  int os_errno_ = 0;  // of the first write that failed
};

class LineWriter final : public model::SpanSink {
 public:
  LineWriter(Output& output, std::chrono::nanoseconds wall_offset)
      : output_(output), wall_offset_(wall_offset) {}
  void on_span(const model::Span& span) override {
    line_.clear();
    exporters::console::append_trace_line(line_, span, wall_offset_);
    output_.put(line_);
  }

 private:
  Output& output_;
  std::chrono::nanoseconds wall_offset_;
  std::string line_;
};

// What the kernel was told when it was recorded is of no use now.
class NoPolicies final : public model::CapturePolicySink {
 public:
  void set_policy(model::PolicySlot /*slot*/, model::CapturePolicy /*policy*/) override {}
};

std::string metrics_page(const Belt& belt, const capture::DecoderCounts& counts) {
  std::vector<exporters::prometheus::Sample> samples;
  samples.push_back(malformed_sample(counts));
  belt.collect(samples);
  std::string text;
  exporters::prometheus::append_red_metrics(text, belt.series());
  exporters::prometheus::append_samples(text, samples);
  return text;
}

}  // namespace

base::Result<void> replay(const std::string& path, bool print_metrics) {
  const base::Fd file = TRY(capture::replay::open_recording(path));
  auto reader =
      TRY(capture::replay::RecordingReader::make(capture::replay::read_from(file.get()), path));
  Output output;
  LineWriter lines(output, reader.wall_offset());
  NoPolicies policies;
  Belt belt(TRY(Belt::make_books({})), policies, protocols::session::RecordOrder::resolved,
            {print_metrics ? nullptr : &lines, nullptr});
  capture::DecoderCounts counts;
  auto ending = capture::replay::play(reader, {belt.events(), belt, belt}, counts);
  belt.finish(ending.time);
  if (print_metrics) output.put(metrics_page(belt, counts));
  output.flush();
  TRY_VOID(output.result());
  if (ending.failure) return std::unexpected(std::move(*ending.failure));
  return {};
}

}  // namespace beyla::agent
