// What a processor can do to the memory that it shares with the broker, the kernel half and the
// processor after it. Each returns the exit code, if it returns.
#pragma once

#include "agent/processor/start.h"

namespace beyla::agent::pwned {

int fill_ledger(processor::Start& start);           // any bytes, all over
int fill_ledgers_content(processor::Start& start);  // behind a frame that stays valid
int spoil_ledgers_file(processor::Start& start);    // size and seals: what worked is on stderr
int move_ring(processor::Start& start);             // positions that no record has
int scribble_policies(processor::Start& start);     // for a while, over all slots
int close_everything(processor::Start& start);

}  // namespace beyla::agent::pwned
