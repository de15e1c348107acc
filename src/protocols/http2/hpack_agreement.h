// For tests: what we say of a block beside what nghttp2 says of it. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "protocols/http2/hpack_reference.h"
#include "protocols/http2/hpack_test_data.h"

namespace beyla::protocols::http2 {

inline constexpr std::array<std::string_view, 4> kSomeNames = {":path", "traceparent", "te",
                                                               "grpc-status"};
inline constexpr HeaderSelection kSomeHeaders{kSomeNames};

struct Agreement {
  std::size_t wrong = 0;
  std::size_t known = 0;
  std::size_t unknown = 0;  // name or value, of a field that is wanted

  Agreement& operator+=(const Agreement& other) {
    wrong += other.wrong;
    known += other.known;
    unknown += other.unknown;
    return *this;
  }
};

inline bool differs(const std::optional<std::string>& told, const std::string& truth) {
  return told && *told != truth;
}

// Fields that only one side has are not compared.
inline Agreement compare(const ToldFields& told, const ReferenceFields& truth,
                         const HeaderSelection& wanted = kEveryHeader) {
  Agreement agreement;
  for (std::size_t i = 0; i < std::min(told.size(), truth.size()); ++i) {
    if (differs(told[i].name, truth[i].name) || differs(told[i].value, truth[i].value)) {
      ++agreement.wrong;
    } else if (told[i].name && told[i].value) {
      ++agreement.known;
    } else if (wanted.wants(truth[i].name)) {
      ++agreement.unknown;
    }
  }
  return agreement;
}

}  // namespace beyla::protocols::http2
