// Closes links of uprobes beside the control thread: the kernel takes 30 to 80 ms for each (6.18),
// nearly all of it grace periods, which several wait for at once. Threads of its own, since close()
// cannot be polled; all they ever do is closing descriptors.
// Called by the control thread only.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "probes/loader/file_identity.h"

namespace beyla::probes::loader {

// Who has been turned away before has lived for a while, and finds room where short processes have
// taken all: else a storm of them could keep it out for ever.
enum class Room : std::uint8_t { usual, reserved };

class LinkCloser {
 public:
  static constexpr std::size_t kThreads = 16;
  // Ours: where more links wait no probes are set, rather than links that pile up.
  static constexpr std::size_t kMaxWaiting = 256;
  static constexpr std::size_t kMaxWaitingReserved = 512;

  // Starts the threads, with the signal mask and the powers of the caller. Throws std::system_error
  // where there is no room for one.
  LinkCloser();
  // Waits until all are closed: at the end of the process they would be one after the other.
  ~LinkCloser() = default;
  LinkCloser(const LinkCloser&) = delete;
  LinkCloser& operator=(const LinkCloser&) = delete;

  // Never blocks. `binary`, if any, comes back from take_closed() once the link is gone.
  void close(base::Fd link, const std::optional<FileIdentity>& binary = std::nullopt);
  [[nodiscard]] std::vector<FileIdentity> take_closed();
  // Links that are not gone yet.
  [[nodiscard]] std::size_t waiting();
  // That another link may be made, which is to be closed one day.
  [[nodiscard]] bool has_room(Room room) {
    return waiting() < (room == Room::usual ? kMaxWaiting : kMaxWaitingReserved);
  }

 private:
  struct Waiting {
    base::Fd link;
    std::optional<FileIdentity> binary;
  };
  void run(const std::stop_token& stop);

  std::mutex mutex_;  // guards the next three
  std::deque<Waiting> waiting_;
  std::vector<FileIdentity> closed_;
  std::size_t being_closed_ = 0;
  std::condition_variable_any news_;
  std::array<std::jthread, kThreads> threads_;  // last: they use all of them
};

}  // namespace beyla::probes::loader
