// Loads and attaches the kernel half for a moment and lets two processes of our own exchange a few
// bytes over loopback: only what really happens is believed. Watches nobody else; nothing stays.
// REQUIRES: no other thread, since it forks.
#pragma once

#include "agent/doctor/facts.h"

namespace beyla::agent::doctor {

[[nodiscard]] TrialFacts try_programs();

}  // namespace beyla::agent::doctor
