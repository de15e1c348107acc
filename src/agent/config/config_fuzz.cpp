// Feeds any bytes to the loader as a configuration file: it gives settings whose blobs come back
// equal, or one line that names the place, and never throws, hangs or reads outside the text.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include "agent/config/handover/config_messages.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"
#include "base/terminal_text.h"

namespace {

namespace config = beyla::agent::config;

void require(bool condition) {
  if (!condition) std::abort();
}

// The same descriptor each time: at most one process fuzzes with it.
int file_with(std::span<const std::uint8_t> bytes) {
  static const int file = ::memfd_create("config", MFD_CLOEXEC);
  require(::ftruncate(file, 0) == 0);
  require(::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  require(::lseek(file, 0, SEEK_SET) == 0);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::array<std::pair<std::string, std::string>, 2> environment{
      {{"OPEN_PORT", "8080"}, {"PRINT_TRACES", "true"}}};
  const auto settings =
      config::load(config::OpenConfig{"f.yml", file_with({data, size})}, environment, nullptr);
  if (!settings) {
    const std::string message = settings.error().message();
    require(message.starts_with("f.yml:") && message.size() < 2000);
    require(beyla::base::to_terminal_text(message, message.size()) == message);
    return 0;
  }
  const config::LoadedConfig loaded{
      config::policy_of(*settings), config::processor_settings_of(*settings), {}};
  const auto answer = config::encode_config_answer(loaded);
  const auto decoded = config::decode_config_answer(std::as_bytes(std::span(&answer, 1)));
  require(decoded.has_value() && *decoded == loaded);
  return 0;
}
