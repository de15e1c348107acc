// What a processor can send, and not read, on its channel. Each begins behind the start message and
// returns the exit code.
#pragma once

#include "base/fd.h"

namespace beyla::agent::pwned {

int flood(int channel);          // 10^6 requests, reading the answers
int flood_unheard(int channel);  // reading none
int send_garbage(int channel);   // a million datagrams of any bytes
int send_empty(int channel);
int send_oversized(int channel);
int send_descriptors(int channel);           // with each of many requests
int ask_for_others(int channel);             // probes of processes that are none of its business
[[noreturn]] int read_nothing(int channel);  // nor the ring, nor use the CPU

}  // namespace beyla::agent::pwned
