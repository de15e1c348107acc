// Calls that have begun and not ended: found by what the process calls them, by HTTP/2 stream or by
// goroutine; in the order in which they began. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "model/exchange.h"
#include "model/function_call.h"

namespace beyla::protocols::calls {

// What a begin and its end have in common.
enum class CallFamily : std::uint8_t { http1, http2, grpc, client, grpc_client };

struct CallKey {
  model::ProcessKey process;
  std::uint64_t call = 0;
  CallFamily family = CallFamily::http1;
  bool operator==(const CallKey&) const = default;
};

struct OpenCall {
  CallKey key;
  std::uint64_t serial = 0;  // never given twice
  // As far as it is known; request: as the sink calls it.
  model::Exchange exchange;
  model::CallOrigin origin;
  std::uint64_t owner = 0;
  std::uint32_t stream = 0;  // http2
  std::optional<model::TraceParent> incoming;
  bool begun = false;                      // the sink knows of it
  bool aborted = false;                    // by its handler: there is no answer, nor an error
  bool withdrawn = false;                  // it was told that this is no request of its own
  std::optional<std::uint32_t> grpc_code;  // http2: it is a gRPC call whose begin was not seen
  // The time at which it ends by itself, and as what.
  std::optional<base::BootTime> due;
  std::string due_outcome;
  base::BootTime due_end;
  // Clients: the socket that it was sent on, and whether the socket's parser owns it.
  bool linked = false;
  bool https = false;
  bool plain = false;
  bool seen_on_socket = false;
  unsigned ends_above = 0;    // of others on its goroutine
  OpenCall* below = nullptr;  // on the same goroutine, begun before
};

class OpenCalls {
 public:
  static constexpr std::size_t kMaxOpenCalls = 65536;  // ours: some 40 MB

  // REQUIRES: !full(), and none with this key, nor of this stream, is there. Its place is stable.
  OpenCall& add(OpenCall&& call);
  void remove(OpenCall& call);

  [[nodiscard]] OpenCall* find(const CallKey& key);
  [[nodiscard]] OpenCall* find_stream(const model::ProcessKey& process, std::uint64_t owner,
                                      std::uint32_t stream);
  // One of HTTP/2 whose request has this context.
  [[nodiscard]] OpenCall* find_http2_of(const model::ProcessKey& process, std::uint64_t context);
  // The newest of the family (http1, http2 or client) that began on this goroutine.
  [[nodiscard]] OpenCall* find_on(const model::ProcessKey& process, CallFamily family,
                                  std::uint64_t goroutine);
  [[nodiscard]] OpenCall* oldest() { return calls_.empty() ? nullptr : &calls_.front(); }
  [[nodiscard]] bool full() const { return calls_.size() >= kMaxOpenCalls; }
  [[nodiscard]] std::size_t size() const { return calls_.size(); }
  // In the order in which they began; visit(call) may remove the call it is given, and no other.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (auto place = calls_.begin(); place != calls_.end();) visit(*place++);
  }

 private:
  struct Place {  // of a stream, a context, or of a family's calls on a goroutine
    model::ProcessKey process;
    std::uint64_t object = 0;
    std::uint64_t detail = 0;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    std::size_t operator()(const CallKey& key) const noexcept;
    std::size_t operator()(const Place& place) const noexcept;
  };
  [[nodiscard]] static std::optional<Place> goroutine_of(const OpenCall& call);
  void leave_goroutine(const OpenCall& call);

  std::list<OpenCall> calls_;
  std::unordered_map<CallKey, std::list<OpenCall>::iterator, Hash> by_key_;
  std::unordered_map<Place, OpenCall*, Hash> by_stream_;
  std::unordered_map<Place, OpenCall*, Hash> http2_by_context_;
  std::unordered_map<Place, OpenCall*, Hash> by_goroutine_;
  std::uint64_t last_serial_ = 0;
};

}  // namespace beyla::protocols::calls
