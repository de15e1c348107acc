// Serves one text over HTTP for Prometheus. make() starts a thread, the destructor ends it and
// its connections; the text is rendered anew for each scrape on that thread, as it is sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "export/prometheus/text_pieces.h"

struct MHD_Daemon;

namespace beyla::exporters::prometheus {

struct ScrapeServerOptions {
  std::string address = {};  // IPv4 or IPv6 text; empty: all addresses
  std::uint16_t port = 0;    // 0: any free one
  std::string path = "/metrics";
};

class ScrapeServer {
 public:
  using Render = std::function<TextPieces()>;

  // render, and the pieces it returns, must not throw. The pieces may outlive the call of render,
  // not the server.
  [[nodiscard]] static base::Result<std::unique_ptr<ScrapeServer>> make(ScrapeServerOptions options,
                                                                        Render render);
  ~ScrapeServer();
  ScrapeServer(const ScrapeServer&) = delete;
  ScrapeServer& operator=(const ScrapeServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  class Requests;
  ScrapeServer(ScrapeServerOptions options, Render render);

  const ScrapeServerOptions options_;
  const Render render_;
  std::uint16_t port_ = 0;
  MHD_Daemon* daemon_ = nullptr;  // owned
};

}  // namespace beyla::exporters::prometheus
