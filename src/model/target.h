// The arrows between discovery and the two sides it serves: the kernel's watch list (TargetMap)
// and the pipeline (TargetSink). Called on the control thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/process.h"

namespace beyla::model {

// What the kernel says of a process. The name is the base name of its executable, the path what it
// was called by at an exec that was seen; both may be cut, or empty.
struct ProcessStarted {
  ProcessKey key;
  std::string executable_name;
  bool may_have_older_sockets = false;  // it was selected after it could open some
  base::BootTime time{};
  std::string executable_path = {};
};

// Whom the kernel watches. A key that names no process or image any more changes nothing.
class TargetMap {
 public:
  virtual ~TargetMap() = default;
  // Takes back a rejection: of a process that has called exec since.
  virtual void select(const ProcessKey& key) = 0;
  // Nothing of this process is captured from now on, until it calls exec.
  virtual void reject(const ProcessKey& key) = 0;
  // Marks listeners and connections that watched processes opened before they were watched.
  virtual void mark_open_sockets() = 0;
};

// Times are those of the kernel's event that led to the change, so that a recording replays alike.
class TargetSink {
 public:
  virtual ~TargetSink() = default;
  virtual void on_selected(const TargetProcess& target, base::BootTime time) = 0;
  virtual void on_rejected(const ProcessKey& key, base::BootTime time) = 0;
  virtual void on_exited(const ProcessKey& key, base::BootTime time) = 0;
};

}  // namespace beyla::model
