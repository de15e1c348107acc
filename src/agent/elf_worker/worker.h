// The ELF worker: the only process that parses a target's executable. A child without privileges,
// forked for one file.
#pragma once

#include <vector>

#include "base/fd.h"

namespace beyla::agent::elf_worker {

// In: the executable or library in files[0], readable. Out: one abi::binary_report on the channel,
// unasked; one of kBinaryOther where the file cannot be read ("unreadable") or has no room
// ("no_memory"). Its exit status: 0 where it has answered; 1 where it could not (the broker is
// gone); 2 where it was not started with one file. A file that is cut while it is read ends it by
// SIGBUS, without an answer. Nothing limits its time or memory here: who forks it does.
[[nodiscard]] int elf_worker_main(base::Fd channel, std::vector<base::Fd> files);

}  // namespace beyla::agent::elf_worker
