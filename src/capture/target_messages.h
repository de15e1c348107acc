// Changes of targets as the fixed-size messages of abi/messages.h: for the channel between the
// privileged side and the pipeline, and for recordings. Pure functions, any thread.
#pragma once

#include <span>
#include <string_view>

#include "abi/messages.h"
#include "model/target.h"

namespace beyla::capture {

// A name longer than the message's field is cut.
[[nodiscard]] abi::target_message make_target_message(abi::target_change change,
                                                      const model::ProcessKey& key,
                                                      base::BootTime time,
                                                      std::string_view service_name);

// Hands the change to the sink. False: not one message of this abi version and a known change.
[[nodiscard]] bool decode_target_message(std::span<const std::byte> message,
                                         model::TargetSink& sink);

}  // namespace beyla::capture
