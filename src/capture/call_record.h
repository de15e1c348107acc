// A record of abi/go_calls.h -> FunctionCall; its encoder is declared in record_encoder.h. The
// process wrote what its texts point at, so each length is checked against its own field. Pure
// functions, any thread.
#pragma once

#include <cstddef>
#include <span>

#include "model/event.h"

namespace beyla::capture {

// False: it is not as its kind says. The texts of the call are views of the record.
// REQUIRES: the header was checked, kind and time.
[[nodiscard]] bool decode_call(std::span<const std::byte> record, model::EventSink& sink);

}  // namespace beyla::capture
