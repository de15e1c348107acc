// The one logger of each process: lines on standard error.
#pragma once

namespace beyla::agent {

// Knows the local time zone from now on, so that no file needs to be opened later. Before the first
// fork, so that all processes have it.
void start_logging();

}  // namespace beyla::agent
