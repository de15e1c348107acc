// An exchange of a known service, ready for exporters.
#pragma once

#include "model/exchange.h"

namespace beyla::model {

struct Span {
  Exchange exchange;
  Service service;

  [[nodiscard]] std::chrono::nanoseconds total() const {
    return exchange.end - exchange.arrival.value_or(exchange.received);
  }
  [[nodiscard]] std::chrono::nanoseconds handler() const {
    return exchange.end - exchange.received;
  }
};

// Called on the shard's thread; must not block.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void on_span(const Span& span) = 0;
};

}  // namespace beyla::model
