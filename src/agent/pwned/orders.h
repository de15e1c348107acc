// What an agent of the test build is told to do to itself, by its environment. Never in a release.
//
//   PWNED_PROCESSOR, PWNED_CONFIG_WORKER: what it does, once it is confined; unset: nothing
//   PWNED_SPARED: so many processors are left alone first; default: none
//   PWNED_LIVES: so many are hostile then; default: one
//   PWNED_VICTIM, PWNED_TCP_PORT: of the attacks, see privileges/testing/attacks.h
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace beyla::agent::pwned {

// Before the first fork: what the environment says; and the children of the spawner count together
// which of them they are.
void take_orders();

// Once per processor: the order that this one follows; empty: none.
[[nodiscard]] std::string_view order_of_this_processor();
[[nodiscard]] std::string_view order_of_config_worker();

// Runs the list of attacks and prints "pwned WHO: NAME refused|done ERRNO" for each, on stderr.
void attack_everything(const char* who);

}  // namespace beyla::agent::pwned
