#include "agent/config/config_events.h"

#include <utility>

#include <fmt/format.h>

#include "agent/config/handover/setting_limits.h"
#include "agent/config/quoted.h"

namespace beyla::agent::config {

namespace {

// What yaml-cpp 0.7 reports for nodes without a written tag: "?" plain, "!" quoted.
bool is_written_tag(std::string_view tag) { return !tag.empty() && tag != "?" && tag != "!"; }

// yaml-cpp counts from 0 and says -1 where it does not know.
std::size_t from_one(int position) {
  return position < 0 ? 1 : static_cast<std::size_t>(position) + 1;
}

}  // namespace

base::Error config_error(std::string_view file, std::size_t line, std::size_t column,
                         std::string_view why) {
  return base::Error{base::ErrorCode::invalid_argument, 0,
                     fmt::format("{}:{}:{}: {}", file, line, column, why)};
}

void ConfigEvents::refuse(const YAML::Mark& mark, std::string_view why) {
  if (error_) return;
  error_ = config_error(file_name_, from_one(mark.line), from_one(mark.column), why);
}

bool ConfigEvents::admit(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor) {
  if (anchor != YAML::NullAnchor) refuse(mark, "anchors (&name) are not accepted");
  if (is_written_tag(tag)) refuse(mark, "tags (!name) are not accepted");
  return !error_;
}

void ConfigEvents::OnDocumentStart(const YAML::Mark& mark) {
  if (has_document_) refuse(mark, "more than one YAML document: keep the first only");
  has_document_ = true;
}

void ConfigEvents::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (!admit(mark, "", anchor) || levels_.empty()) return;  // an empty file is a file
  Level& level = levels_.back();
  if (level.kind == ConfigValue::list) return refuse(mark, "empty element in a list");
  if (!level.key) return refuse(mark, "empty key");
  take_value(ConfigValue::null, "");
}

void ConfigEvents::OnAlias(const YAML::Mark& mark, YAML::anchor_t) {
  refuse(mark, "aliases (*name) are not accepted");
}

void ConfigEvents::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                            const std::string& value) {
  if (!admit(mark, tag, anchor)) return;
  if (has_control_character(value))
    return refuse(mark, "control character or line break in a value");
  if (levels_.empty()) return refuse(mark, "expected `key: value` lines at the top of the file");
  Level& level = levels_.back();
  if (level.kind == ConfigValue::list) {
    if (level.has_elements) level.text += ',';
    level.has_elements = true;
    level.text += value;
  } else if (!level.key) {
    take_key(mark, value);
  } else {
    take_value(ConfigValue::scalar, value);
  }
}

void ConfigEvents::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                   YAML::anchor_t anchor, YAML::EmitterStyle::value) {
  if (admit(mark, tag, anchor)) open_level(mark, ConfigValue::list);
}

void ConfigEvents::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                              YAML::EmitterStyle::value) {
  if (admit(mark, tag, anchor)) open_level(mark, ConfigValue::map);
}

void ConfigEvents::OnSequenceEnd() { close_level(); }

void ConfigEvents::OnMapEnd() { close_level(); }

void ConfigEvents::open_level(const YAML::Mark& mark, ConfigValue kind) {
  Level opened;
  opened.kind = kind;
  if (levels_.empty()) {
    if (kind == ConfigValue::list) {
      return refuse(mark, "expected `key: value` lines at the top of the file");
    }
  } else {
    Level& outer = levels_.back();
    if (levels_.size() >= kMaxConfigDepth) {
      return refuse(mark, fmt::format("nested deeper than {} levels", kMaxConfigDepth));
    }
    if (outer.kind == ConfigValue::list) return refuse(mark, "a list may hold plain values only");
    if (!outer.key) return refuse(mark, "a key must be a plain word");
    opened.owner = std::exchange(outer.key, std::nullopt);
  }
  levels_.push_back(std::move(opened));
}

void ConfigEvents::take_key(const YAML::Mark& mark, const std::string& name) {
  if (name.empty()) return refuse(mark, "empty key");
  if (name.find('.') != std::string::npos) {
    return refuse(mark, fmt::format("key {} holds a '.': nest the keys instead", quoted(name)));
  }
  Level& level = levels_.back();
  if (!level.seen.insert(name).second)
    return refuse(mark, fmt::format("duplicate key {}", quoted(name)));
  Key key{level.owner ? level.owner->path + "." + name : name, mark};
  if (key.path.size() > kMaxConfigPathBytes) {
    return refuse(mark, fmt::format("key {} is longer than {} bytes with those around it",
                                    quoted(name), kMaxConfigPathBytes));
  }
  level.key = std::move(key);
}

void ConfigEvents::take_value(ConfigValue value, std::string text) {
  const Key key = *std::exchange(levels_.back().key, std::nullopt);
  entries_.push_back(
      {key.path, std::move(text), value, from_one(key.mark.line), from_one(key.mark.column)});
}

void ConfigEvents::close_level() {
  if (error_) return;
  Level closed = std::move(levels_.back());
  levels_.pop_back();
  if (!closed.owner) return;
  if (closed.kind == ConfigValue::map && !closed.seen.empty()) return;
  levels_.back().key = std::move(closed.owner);
  take_value(closed.kind, std::move(closed.text));
}

}  // namespace beyla::agent::config
