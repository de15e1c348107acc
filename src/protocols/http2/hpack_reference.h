// For tests: nghttp2's HPACK as reference, with owners for its objects. One thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace beyla::protocols::http2 {

struct ReferenceField {
  std::string name;
  std::string value;
  bool never_indexed = false;
};
using ReferenceFields = std::vector<ReferenceField>;

inline nghttp2_nv as_nv(const ReferenceField& field) {
  // nghttp2 does not write through these.
  const auto bytes = [](const std::string& text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(),
          static_cast<std::uint8_t>(field.never_indexed ? NGHTTP2_NV_FLAG_NO_INDEX
                                                        : NGHTTP2_NV_FLAG_NONE)};
}

class ReferenceDeflater {
 public:
  explicit ReferenceDeflater(std::size_t max_table_bytes) {
    nghttp2_hd_deflater* made = nullptr;
    if (nghttp2_hd_deflate_new(&made, max_table_bytes) != 0) std::abort();
    deflater_.reset(made);
  }
  // The next block begins with the updates that tell of it.
  void change_table_size(std::size_t bytes) {
    if (nghttp2_hd_deflate_change_table_size(deflater_.get(), bytes) != 0) std::abort();
  }
  [[nodiscard]] std::string encode(const ReferenceFields& fields) {
    std::vector<nghttp2_nv> pairs;
    for (const ReferenceField& field : fields) pairs.push_back(as_nv(field));
    std::string block(nghttp2_hd_deflate_bound(deflater_.get(), pairs.data(), pairs.size()), '\0');
    const auto length =
        nghttp2_hd_deflate_hd(deflater_.get(), reinterpret_cast<std::uint8_t*>(block.data()),
                              block.size(), pairs.data(), pairs.size());
    if (length < 0) std::abort();
    block.resize(static_cast<std::size_t>(length));
    return block;
  }

 private:
  struct Delete {
    void operator()(nghttp2_hd_deflater* deflater) const { nghttp2_hd_deflate_del(deflater); }
  };
  std::unique_ptr<nghttp2_hd_deflater, Delete> deflater_;
};

class ReferenceInflater {
 public:
  // max_table_bytes: what our SETTINGS would have allowed.
  explicit ReferenceInflater(std::size_t max_table_bytes) {
    nghttp2_hd_inflater* made = nullptr;
    if (nghttp2_hd_inflate_new(&made) != 0) std::abort();
    inflater_.reset(made);
    if (nghttp2_hd_inflate_change_table_size(made, max_table_bytes) != 0) std::abort();
  }
  // on_field(name, value) for each. false: refused; no later block is taken then.
  template <typename OnField>
  [[nodiscard]] bool decode(std::string_view block, OnField on_field) {
    const auto* next = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (;;) {
      nghttp2_nv pair;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_.get(), &pair, &flags, next, left, 1);
      if (used < 0) return false;
      next += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        on_field(view(pair.name, pair.namelen), view(pair.value, pair.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    return nghttp2_hd_inflate_end_headers(inflater_.get()) == 0;
  }

 private:
  struct Delete {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };
  static std::string_view view(const std::uint8_t* bytes, std::size_t length) {
    return {reinterpret_cast<const char*>(bytes), length};
  }
  std::unique_ptr<nghttp2_hd_inflater, Delete> inflater_;
};

}  // namespace beyla::protocols::http2
