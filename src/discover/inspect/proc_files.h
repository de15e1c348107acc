// Reading the small text files and links of /proc. What cannot be read is empty or an errno; the
// processes behind them may end at any moment. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/wipe.h"

namespace beyla::discover::inspect {

constexpr std::uint64_t kNsPerTick = 10'000'000;  // USER_HZ is 100 on every Linux ABI we know

// At most about `limit` bytes; empty when it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path, std::size_t limit);
// Likewise, of what may hold secrets: no copy outlives the result.
[[nodiscard]] base::PrivateBytes read_private_file(const std::string& path, std::size_t limit);
// The target of a symbolic link, or errno.
[[nodiscard]] std::expected<std::string, int> read_link(const std::string& path);
// The inode in a link such as "socket:[123]" or "net:[4026531840]", if `kind` is what stands
// before the colon.
[[nodiscard]] std::optional<std::uint64_t> inode_of_link(std::string_view link,
                                                         std::string_view kind);
// Clock ticks since boot at which the process started, from the text of /proc/PID/stat.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(std::string_view stat);
// The kernel's own thread, by PF_KTHREAD in the same text. They hide their links from the
// unprivileged, who could not tell them from processes otherwise.
[[nodiscard]] bool is_kernel_thread(std::string_view stat);
// PF_FORKNOEXEC in the same text.
[[nodiscard]] bool is_fork_without_exec(std::string_view stat);
// The name in parentheses in the same text.
[[nodiscard]] std::string_view stat_name(std::string_view stat);
// Without the " (deleted)" that the kernel appends.
[[nodiscard]] std::string without_deleted(std::string path);

}  // namespace beyla::discover::inspect
