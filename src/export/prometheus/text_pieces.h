// A text that is made while it is sent, so that a scrape of many series needs no memory for all of
// it. One thread.
#pragma once

#include <functional>
#include <string>
#include <utility>

namespace beyla::exporters::prometheus {

class TextPieces {
 public:
  // Appends the next piece to `out`; false: there was none left.
  using Next = std::move_only_function<bool(std::string& out)>;

  explicit TextPieces(Next next) : next_(std::move(next)) {}
  // A text that is there already. Implicit, for those who have nothing better.
  TextPieces(std::string whole) : next_(once(std::move(whole))) {}

  [[nodiscard]] bool append_next(std::string& out) { return next_(out); }

 private:
  static Next once(std::string whole) {
    return [whole = std::move(whole), done = false](std::string& out) mutable {
      if (std::exchange(done, true)) return false;
      out += whole;
      return true;
    };
  }

  Next next_;
};

}  // namespace beyla::exporters::prometheus
