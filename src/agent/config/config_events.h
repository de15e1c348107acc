// Turns the events of the YAML parser into configuration entries, and refuses what a
// configuration file has no use for. One object per text; one thread; throws nothing itself.
// After the first refusal every further event is ignored: error() is the answer.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include "agent/config/config_file.h"

namespace beyla::agent::config {

class ConfigEvents final : public YAML::EventHandler {
 public:
  // file_name must outlive the object.
  explicit ConfigEvents(std::string_view file_name) : file_name_(file_name) {}

  [[nodiscard]] const std::optional<base::Error>& error() const { return error_; }
  [[nodiscard]] std::vector<ConfigEntry> take_entries() { return std::move(entries_); }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override;
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override;

 private:
  struct Key {
    std::string path;  // dotted, from the top of the file
    YAML::Mark mark;
  };
  struct Level {
    ConfigValue kind = ConfigValue::map;
    std::optional<Key> owner;    // the key whose value this is; none at the top
    std::set<std::string> seen;  // map: the keys so far
    std::optional<Key> key;      // map: the key that waits for its value
    std::string text;            // list: the elements so far
    bool has_elements = false;   // list
  };

  void refuse(const YAML::Mark& mark, std::string_view why);
  // False where the node is refused, or something before it was.
  bool admit(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor);
  void open_level(const YAML::Mark& mark, ConfigValue kind);
  void take_key(const YAML::Mark& mark, const std::string& name);
  void take_value(ConfigValue value, std::string text);
  void close_level();

  std::string_view file_name_;
  bool has_document_ = false;
  std::vector<Level> levels_;
  std::vector<ConfigEntry> entries_;
  std::optional<base::Error> error_;
};

// "FILE:LINE:COLUMN: why", invalid_argument. Line and column count from 1.
[[nodiscard]] base::Error config_error(std::string_view file, std::size_t line, std::size_t column,
                                       std::string_view why);

}  // namespace beyla::agent::config
