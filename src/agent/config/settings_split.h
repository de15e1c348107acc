// Splits the settings: what the broker may do, and what the processor shall. Pure, any thread.
// REQUIRES: settings that the loader accepted. The results pass their own decoders.
#pragma once

#include "agent/config/handover/policy.h"
#include "agent/config/handover/processor_settings.h"
#include "agent/config/settings.h"

namespace beyla::agent::config {

[[nodiscard]] Policy policy_of(const Settings& settings);
[[nodiscard]] ProcessorSettings processor_settings_of(const Settings& settings);

}  // namespace beyla::agent::config
