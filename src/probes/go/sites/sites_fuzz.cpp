// Input: two bytes, the distance of the function that is called; then code.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>

#include "probes/go/sites/call_sites.h"
#include "probes/go/sites/end_sites.h"
#include "probes/go/sites/entry_site.h"
#include "probes/x86/code_reader.h"

namespace {

using namespace beyla::probes::go;
using namespace beyla::probes::x86;

void require(bool holds) {
  if (!holds) std::abort();
}

bool begins_an_instruction(const std::vector<Instruction>& all, std::size_t offset) {
  return std::ranges::any_of(all, [&](const Instruction& one) { return one.offset == offset; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  std::int16_t distance = 0;
  if (size < sizeof(distance)) return 0;
  std::memcpy(&distance, input.data(), sizeof(distance));
  const auto code = input.subspan(sizeof(distance));
  const CodeReader reader(code);
  const auto all = reader.read_all();

  if (const auto site = find_entry_site(code)) {
    const auto jump = reader.read(*site);
    require(jump && jump->flow == Flow::branch);
  }
  const auto calls = find_call_sites(code, distance);
  require(calls.size() <= kMaxCalls);
  for (const std::size_t site : calls) {
    const auto call = reader.read(site);
    require(call && call->flow == Flow::call && call->target == distance);
  }
  if (calls_method_next(code, distance, 0x48)) require(calls.size() == 1);
  const auto sites = find_end_sites(code, distance);
  require(sites.returns.size() <= kMaxReturns);
  if (sites.answer) {
    const auto jump = reader.read(*sites.answer);
    require(jump && jump->flow == Flow::branch && reader.calls(distance));
    require(begins_an_instruction(all, *sites.answer));
  }
  for (const std::size_t site : sites.returns) {
    const auto leave = reader.read(site);
    require(leave && leave->flow == Flow::leave && begins_an_instruction(all, site));
  }
  return 0;
}
