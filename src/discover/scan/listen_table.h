// The listening TCP sockets of one network namespace, from the text of /proc/PID/net/tcp{,6}.
// Needs no privilege for the namespaces of readable processes. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace beyla::discover::scan {

using PortByInode = std::unordered_map<std::uint64_t, std::uint16_t>;  // key: socket inode

// Adds the listeners of `table` (proc_net_tcp.rst in the kernel's documentation); lines that are
// not as that says are skipped.
void add_listeners(std::string_view table, PortByInode& listeners);

}  // namespace beyla::discover::scan
