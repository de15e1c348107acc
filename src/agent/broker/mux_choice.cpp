#include "agent/broker/mux_choice.h"

namespace beyla::broker {

MuxChoice::Step MuxChoice::next(const abi::go_mux_use& use) {
  if (state_ == State::attached) {
    if (use.copies != 0) {
      state_ = State::kept;
    } else if (use.hits - since_ >= kHitsInVain) {
      state_ = tries_ == kMaxTries ? State::given_up : State::detached;
      since_ = use.unrouted;
      return Step::detach;
    }
  } else if (state_ == State::detached && use.unrouted - since_ >= patience_) {
    state_ = State::attached;
    since_ = use.hits;
    patience_ *= kMorePatience;
    ++tries_;
    return Step::attach;
  }
  return Step::none;
}

void MuxChoice::take_back(const abi::go_mux_use& use) {
  state_ = tries_ == kMaxTries ? State::given_up : State::detached;
  since_ = use.unrouted;
}

}  // namespace beyla::broker
