// Feeds any bytes to the reader of configuration files: it returns entries or an error, and never
// throws, hangs or reads outside the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/config/config_file.h"
#include "agent/config/yaml_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = beyla::agent::config;
  const std::string text(data, data + size);
  const auto entries = config::parse_config_text("fuzz.yml", text);
  if (!entries) {
    if (entries.error().message().empty()) std::abort();
    return 0;
  }
  const auto checked = config::check_yaml_keys("fuzz.yml", *entries);
  if (!checked && checked.error().message().empty()) std::abort();
  return 0;
}
