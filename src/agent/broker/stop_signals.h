// SIGINT and SIGTERM as a file descriptor. Control thread, before it starts another.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace beyla::broker {

// Blocks both for this thread and those it starts; they arrive through the fd. SIGPIPE is ignored.
[[nodiscard]] base::Result<base::Fd> take_over_signals();
// From now on they act as usual: a second one ends the process at once.
void give_signals_back();

}  // namespace beyla::broker
