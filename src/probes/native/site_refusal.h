// Why a function of the C ABI gets no entry or no exit site. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace beyla::probes::native {

enum class SiteRefusal : std::uint8_t {
  indirect_function,  // an IFUNC: its symbol is that of the resolver
  no_code,            // of no size, of too great a size, or not in an executable segment
  undecodable,
  too_large,  // more instructions than are followed
  // Entry:
  no_emulated_instruction,  // before anything else ends the search; exit: on some way out
  argument_overwritten,     // before an emulated instruction came
  entered_again,            // a jump leads back to where the site would be
  unknown_jumps,            // a jump through a register might
  // Exit:
  never_returns,
  tail_call,     // leaves by a jump: what is called there ends the call
  passed_twice,  // no choice of sites is passed once by each way
  // Inner function:
  no_inner_call,  // none that gets the arguments as they came and gives the result
};
inline constexpr std::size_t kSiteRefusals =
    static_cast<std::size_t>(SiteRefusal::no_inner_call) + 1;

// In the same order.
inline constexpr std::array<std::string_view, kSiteRefusals> kSiteRefusalNames = {
    "indirect_function",
    "no_code",
    "undecodable",
    "too_large",
    "no_emulated_instruction",
    "argument_overwritten",
    "entered_again",
    "unknown_jumps",
    "never_returns",
    "tail_call",
    "passed_twice",
    "no_inner_call"};
[[nodiscard]] constexpr std::string_view refusal_name(SiteRefusal refusal) {
  return kSiteRefusalNames[static_cast<std::size_t>(refusal)];
}

}  // namespace beyla::probes::native
