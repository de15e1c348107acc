// For tests: a file system of one file whose server stops answering at a chosen point.
#pragma once

#include <memory>
#include <string>

#include "agent/spawn/own_process.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::spawn::testing {

enum class HangAt {
  start,          // no request is even taken
  open,           // the open is taken, and never answered
  read,           // as open; the reader waits for its request: nothing can end it
  read_by_pages,  // FUSE_ASYNC_READ: the reader waits for a page, which SIGKILL ends
};

class HangingFuse {
 public:
  // An error says what this machine lacks: root, /dev/fuse, a mount namespace.
  static base::Result<std::unique_ptr<HangingFuse>> mount(HangAt where);
  ~HangingFuse();

  [[nodiscard]] std::string file() const { return folder_ + "/config.yml"; }
  // Waits until the server has taken the request it will not answer. False: it has not come.
  [[nodiscard]] bool has_hung() const;
  // Ends the server: every wait for it fails.
  void abort();

 private:
  HangingFuse(std::string folder, OwnProcess server, base::Fd news)
      : folder_(std::move(folder)), server_(std::move(server)), news_(std::move(news)) {}

  std::string folder_;
  OwnProcess server_;
  base::Fd news_;
};

}  // namespace beyla::agent::spawn::testing
