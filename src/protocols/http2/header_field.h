// One header field of HTTP/2 as its decoder tells of it.
#pragma once

#include <optional>
#include <string_view>

namespace beyla::protocols::http2 {

// Raw bytes as sent, dead when the sink returns.
struct HeaderField {
  // nullopt: stands in an entry that we never saw, or is over the limit. Perhaps one that is
  // wanted.
  std::optional<std::string_view> name;
  // nullopt: the same, or nobody wants values of that name.
  std::optional<std::string_view> value;
};

class HeaderFieldSink {
 public:
  virtual ~HeaderFieldSink() = default;
  virtual void on_field(const HeaderField& field) = 0;
};

}  // namespace beyla::protocols::http2
