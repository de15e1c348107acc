// The unprivileged side, whole: kernel records in, trace lines and metrics out, until the broker
// says stop or is gone. Everything it works with comes over the channel; it opens nothing.
#pragma once

#include "base/fd.h"

namespace beyla::processor {

// Logs what ends it before its time. Out: the exit code: 0 stopped, or the broker is gone; 2 the
// operator was told why there is no use in another one; 1 anything else.
[[nodiscard]] int processor_main(base::Fd channel);

}  // namespace beyla::processor
