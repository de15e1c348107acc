// Serves one text over HTTP for Prometheus. make() starts a thread, the destructor ends it and
// its connections; the text is rendered anew for each scrape on that thread, as it is sent.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "export/prometheus/text_pieces.h"

struct MHD_Daemon;

namespace beyla::exporters::prometheus {

class ScrapeServer {
 public:
  using Render = std::function<TextPieces()>;

  // listening: a socket of listen_socket.h; borrowed during the call, a copy is kept. path: the
  // only one that is served. render, and the pieces it returns, must not throw. The pieces may
  // outlive the call of render, not the server.
  [[nodiscard]] static base::Result<std::unique_ptr<ScrapeServer>> make(int listening,
                                                                        std::string path,
                                                                        Render render);
  ~ScrapeServer();
  ScrapeServer(const ScrapeServer&) = delete;
  ScrapeServer& operator=(const ScrapeServer&) = delete;

 private:
  class Requests;
  ScrapeServer(std::string path, Render render);

  const std::string path_;
  const Render render_;
  MHD_Daemon* daemon_ = nullptr;  // owned
};

}  // namespace beyla::exporters::prometheus
