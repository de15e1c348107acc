#include "agent/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/terminal_text.h"

namespace beyla::agent {

namespace {

constexpr std::size_t kMaxMessageBytes = 8192;

// Names come from elsewhere: none of them ends its line or its quotation.
class OneLine final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    std::string quoted;
    for (const char letter : std::string_view(message.payload.data(), message.payload.size())) {
      if (letter == '"' || letter == '\\') quoted += '\\';
      quoted += letter;
    }
    const std::string shown = base::to_terminal_text(quoted, kMaxMessageBytes);
    out.append(shown.data(), shown.data() + shown.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<OneLine>();
  }
};

}  // namespace

void start_logging() {
  ::tzset();
  auto logger =
      std::make_shared<spdlog::logger>("beyla", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<OneLine>('*').set_pattern("time=%Y-%m-%dT%H:%M:%S.%e%z level=%l msg=\"%*\"");
  logger->set_formatter(std::move(formatter));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace beyla::agent
