// Input: changes (where, what) to a small valid executable whose functions can be probed. Whatever
// is reported of it, the broker must be able to read.
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "probes/go/image/go_image.h"
#include "probes/go/image/synthetic/image_plan.h"
#include "probes/go/report/binary_report.h"
#include "probes/go/report/wanted_probes.h"
#include "probes/proof/report_message.h"

namespace {

using namespace beyla::probes;

std::vector<std::byte> build_all_probes() {
  auto plan = go::plan_of_everything(26);
  plan.functions.clear();
  for (const auto& wanted : go::wanted_probes()) {
    plan.functions.push_back({std::string(wanted.function), 32});
    for (const auto caller : wanted.callers) {
      if (!caller.empty()) plan.functions.push_back({std::string(caller), 32});
    }
  }
  auto file = go::build_image(plan);
  std::vector<std::string_view> names;
  for (const auto& function : plan.functions) names.push_back(function.name);
  const auto image = go::GoImage::read(file);
  constexpr std::uint8_t kStackCheck[] = {0x49, 0x3b, 0x66, 0x10, 0x76, 0x10, 0x55, 0xc3};
  for (const auto& function : image.value().find_functions(names)) {
    std::memcpy(file.data() + function.value().file_offset, kStackCheck, sizeof(kStackCheck));
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> kExecutable = build_all_probes();
  auto file = kExecutable;
  beyla::base::ByteReader reader(std::as_bytes(std::span(data, size)));
  struct Change {
    std::uint16_t where;
    std::uint8_t what[6];
  };
  while (const auto change = reader.read_struct<Change>()) {
    const std::size_t at = change->where % (file.size() - sizeof(change->what));
    std::memcpy(file.data() + at, change->what, sizeof(change->what));
  }
  const auto report = go::make_binary_report(file);
  const auto decoded = proof::decode_report(std::as_bytes(std::span(&report, 1)));
  if (!decoded) std::abort();
  for (const auto& point : decoded->points) {
    if (point.point_offset > file.size() - sizeof(point.expected) ||
        std::memcmp(file.data() + point.point_offset, point.expected, sizeof(point.expected)) !=
            0) {
      std::abort();
    }
  }
  return 0;
}
