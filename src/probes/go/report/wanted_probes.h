// Which functions get probes, and when a probe is of use. One table.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "abi/go_calls.h"

namespace beyla::probes::go {

// What is told by several probes. Without one that is needed there are none of the group.
enum class ProbeGroup : std::uint8_t {
  http1,
  http2,
  xnet_http2,
  grpc_server,
  http_client,
  grpc_client,
  gin,
  echo,
  mux,
};
inline constexpr std::size_t kProbeGroups = static_cast<std::size_t>(ProbeGroup::mux) + 1;

enum class SiteKind : std::uint8_t {
  entry,
  // One point of kGoProbeRoundTripAnswer, where it is fit, and some of kGoProbeRoundTripEnd.
  round_trip_end,
  call,  // the calls of it in its callers
  // Entry of a method of net.Conn that kServe calls next behind kFinishRequest, or none: then the
  // function counts as absent.
  entry_behind_finish,
};

struct WantedProbe {
  abi::go_probe probe{};
  SiteKind site = SiteKind::entry;
  ProbeGroup group{};
  bool needed = false;  // by its group
  std::string_view function;
  // Those that call it in each version; empty ones do not count. Where there are some in the binary
  // and none of them calls it, it was inlined.
  std::array<std::string_view, 4> callers{};
  // Every version has it. Where its callers are in the binary and it is not, it was inlined into
  // all of them.
  bool always = false;
  // All of these are needed; kGoFields: none.
  std::array<abi::go_field, 5> fields{abi::kGoFields, abi::kGoFields, abi::kGoFields,
                                      abi::kGoFields, abi::kGoFields};
  // And one of these, where there are any.
  std::array<abi::go_field, 3> one_of{abi::kGoFields, abi::kGoFields, abi::kGoFields};
  // Not where this probe has a function: another version's.
  abi::go_probe unless = abi::kGoProbeNone;
  // Only where that one was inlined. All rows with the same one here do its work together.
  abi::go_probe instead_of = abi::kGoProbeNone;
};

// Of several rows with the same probe the first counts whose function is there and not inlined.
[[nodiscard]] std::span<const WantedProbe> wanted_probes();

inline constexpr std::string_view kRoundTrip = "net/http.(*Transport).roundTrip";
inline constexpr std::string_view kServe = "net/http.(*conn).serve";
inline constexpr std::string_view kFinishRequest = "net/http.(*response).finishRequest";
inline constexpr std::string_view kPersistRoundTrip = "net/http.(*persistConn).roundTrip";

}  // namespace beyla::probes::go
