// Reads a configuration file. In: the bytes of a YAML file, which may be hostile. Out: a flat list
// of dotted paths and their text, in file order. One thread, at start.
// Errors: invalid_argument, "FILE:LINE:COLUMN: ..."; a file that cannot be read names the path and
// the cause. Refused: more than 256 KiB, control characters, anchors, aliases, tags, duplicate
// keys, paths above 256 bytes, nesting deeper than 16, more than one document. No exception leaves
// these functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/handover/file_copy.h"  // kMaxConfigBytes
#include "base/result.h"

namespace beyla::agent::config {

constexpr std::size_t kMaxConfigDepth = 16;       // maps and lists inside each other
constexpr std::size_t kMaxConfigPathBytes = 256;  // of a dotted path: some times the longest

enum class ConfigValue {
  null,  // `key:` or `key: null`
  scalar,
  list,  // of scalars; the text joins them with ','
  map,   // only a map without keys: others show through their keys
};

struct ConfigEntry {
  std::string path;  // "prometheus_export.port"
  std::string text;
  ConfigValue value = ConfigValue::null;
  std::size_t line = 0;    // of the key, from 1
  std::size_t column = 0;  // of the key, from 1
};

// name stands for the file in messages.
[[nodiscard]] base::Result<std::vector<ConfigEntry>> parse_config_text(std::string_view name,
                                                                       std::string_view text);
// From where the descriptor stands; it is borrowed.
[[nodiscard]] base::Result<std::vector<ConfigEntry>> read_config_fd(const std::string& name,
                                                                    int fd);
[[nodiscard]] base::Result<std::vector<ConfigEntry>> read_config_file(const std::string& path);

}  // namespace beyla::agent::config
