// For tests and fuzzers: what nghttp2's session makes of the frames that one peer writes. One
// thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "protocols/http2/frame.h"
#include "protocols/http2/hpack_reference.h"

namespace beyla::protocols::http2 {

enum class TellingKind : std::uint8_t { block, promise, data, reset, goaway };

struct ReferenceFrame {
  TellingKind kind{};
  std::uint32_t stream = 0;
  bool end_stream = false;
  std::uint32_t number = 0;  // bytes without padding, error code or last stream
  ReferenceFields fields;
};

class ReferenceSession {
 public:
  // Streams that a server may answer.
  static constexpr int kRequests = 6;

  // from_client: the bytes are a client's.
  explicit ReferenceSession(bool from_client) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* options = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) std::abort();
    if (nghttp2_option_new(&options) != 0) std::abort();
    set(callbacks);
    nghttp2_option_set_no_http_messaging(options, 1);  // which fields go together is not our matter
    nghttp2_session* made = nullptr;
    const auto make = from_client ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
    if (make(&made, callbacks, this, options) != 0) std::abort();
    session_.reset(made);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    if (!from_client) ask();
  }
  ReferenceSession(const ReferenceSession&) = delete;
  ReferenceSession& operator=(const ReferenceSession&) = delete;

  // Frames that it takes and does not ignore (those of closed streams), up to the first that it
  // refuses. From the preface on.
  [[nodiscard]] std::vector<ReferenceFrame> read(std::string_view bytes) {
    static_cast<void>(nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
    return std::move(frames_);
  }

 private:
  struct Delete {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  void ask() {
    const ReferenceField method{":method", "GET", false};
    const nghttp2_nv pair = as_nv(method);
    if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, nullptr, 0) != 0) std::abort();
    for (int i = 0; i < kRequests; ++i) {
      if (nghttp2_submit_request(session_.get(), nullptr, &pair, 1, nullptr, nullptr) < 0)
        std::abort();
    }
    const std::uint8_t* sent = nullptr;
    while (nghttp2_session_mem_send(session_.get(), &sent) > 0) continue;
  }

  static void set(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                      std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                      std::uint8_t, void* self) {
          static_cast<ReferenceSession*>(self)->fields_.push_back(
              {text(name, name_length), text(value, value_length)});
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t*,
                      std::size_t length, void* self) {
          static_cast<ReferenceSession*>(self)->data_bytes_ += static_cast<std::uint32_t>(length);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          static_cast<ReferenceSession*>(self)->on_frame(*frame);
          return 0;
        });
  }

  void on_frame(const nghttp2_frame& frame) {
    ReferenceFrame told;
    told.stream = static_cast<std::uint32_t>(frame.hd.stream_id);
    const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame.hd.type) {
      case NGHTTP2_HEADERS:
        told.end_stream = ends;
        told.fields = std::move(fields_);
        break;
      case NGHTTP2_PUSH_PROMISE:
        told.kind = TellingKind::promise;
        told.fields = std::move(fields_);
        break;
      case NGHTTP2_DATA:
        told.kind = TellingKind::data;
        told.end_stream = ends;
        told.number = data_bytes_;
        break;
      case NGHTTP2_RST_STREAM:
        told.kind = TellingKind::reset;
        told.number = frame.rst_stream.error_code;
        break;
      case NGHTTP2_GOAWAY:
        told.kind = TellingKind::goaway;
        told.number = static_cast<std::uint32_t>(frame.goaway.last_stream_id);
        break;
      default: return;
    }
    data_bytes_ = 0;
    fields_.clear();
    frames_.push_back(std::move(told));
  }

  static std::string text(const std::uint8_t* bytes, std::size_t length) {
    return {reinterpret_cast<const char*>(bytes), length};
  }

  std::unique_ptr<nghttp2_session, Delete> session_;
  ReferenceFields fields_;
  std::uint32_t data_bytes_ = 0;
  std::vector<ReferenceFrame> frames_;
};

}  // namespace beyla::protocols::http2
