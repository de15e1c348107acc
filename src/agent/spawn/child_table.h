// The spawner's children: a fixed number, so that nobody can make it grow. One thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

namespace beyla::agent::spawn {

constexpr std::size_t kMaxChildren = 64;

struct ChildSlot {
  std::uint64_t id = 0;  // 0: free
  pid_t pid = 0;
  bool ended = false;  // reaped: the pid is anybody's; the report waits for room in the socket
  int status = 0;      // as of wait4(2)
  std::uint64_t cpu_ns = 0;
};

class ChildTable {
 public:
  [[nodiscard]] ChildSlot* find(std::uint64_t id) {
    return find_if([id](const ChildSlot& slot) { return slot.id == id; });
  }
  [[nodiscard]] ChildSlot* find_running(pid_t pid) {
    return find_if(
        [pid](const ChildSlot& slot) { return slot.id != 0 && !slot.ended && slot.pid == pid; });
  }
  [[nodiscard]] ChildSlot* find_ended() {
    return find_if([](const ChildSlot& slot) { return slot.id != 0 && slot.ended; });
  }
  [[nodiscard]] ChildSlot* find_free() { return find(0); }

 private:
  template <typename Condition>
  ChildSlot* find_if(Condition holds) {
    for (ChildSlot& slot : slots_) {
      if (holds(slot)) return &slot;
    }
    return nullptr;
  }

  std::array<ChildSlot, kMaxChildren> slots_;
};

}  // namespace beyla::agent::spawn
