// Input: which reader, then its bytes. Code is proven in a file that exists once; only what the
// worker says of it, and the code itself, come from the input.
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "base/fd.h"
#include "probes/proof/executable.h"
#include "probes/proof/executable_maps.h"
#include "probes/proof/point_message.h"
#include "probes/proof/report_message.h"

namespace {

using namespace beyla::probes::proof;
namespace abi = beyla::abi;

constexpr std::size_t kFileBytes = 4096;
constexpr std::uint64_t kCodeBegin = 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_message(std::span<const std::byte> input) {
  const auto points = decode_points(input);
  if (points) require(points->size() <= abi::kMaxProbePoints);
}

void fuzz_report(std::span<const std::byte> input) {
  const auto report = decode_report(input);
  if (!report) return;
  require(!report->text.empty() && report->text.size() < abi::kReportTextBytes);
  const bool has_points = report->kind == abi::kBinaryGo || report->kind == abi::kBinaryTls;
  require(has_points != report->points.empty());
  for (const auto& point : report->points) {
    const bool is_go = report->kind == abi::kBinaryGo;
    const auto probe = is_go ? point.probe : point.probe & ~std::uint32_t{abi::kTlsByReturn};
    require(probe - 1 <
            (is_go ? std::uint32_t{abi::kGoProbes} : std::uint32_t{abi::kTlsProbes}) - 1);
  }
  for (const std::uint16_t offset : report->go.offset) {
    require(offset <= abi::kMaxGoOffset || offset == abi::kGoAbsentField);
  }
}

void fuzz_maps_line(std::span<const std::byte> input) {
  const auto line = parse_maps_line(beyla::base::as_text(input));
  if (line) require(line->range.begin <= line->range.end);
}

struct ProvenFile {
  beyla::base::Fd file{::memfd_create("executable", MFD_CLOEXEC)};
  Executable executable = open();

  Executable open() const {
    std::vector<std::byte> content(kFileBytes);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_X86_64;
    std::memcpy(content.data(), &header, sizeof(header));
    require(::pwrite(file.get(), content.data(), content.size(), 0) == kFileBytes);
    const auto name = mapped_file_of(file.get());
    const auto text =
        fmt::format("1000-{:x} r-xp {:x} {:x}:{:x} {} x\n", 0x1000 + kFileBytes - kCodeBegin,
                    kCodeBegin, name->major, name->minor, name->inode);
    const beyla::base::Fd maps(::memfd_create("maps", MFD_CLOEXEC));
    require(::pwrite(maps.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return Executable::make(file.get(), maps.get()).value();
  }
};

// What a proof promises, said in another way than the code under test says it.
void require_provable(std::span<const std::byte> code, const abi::probe_point& point) {
  require(point.symbol_offset >= kCodeBegin && point.point_offset >= point.symbol_offset);
  require(point.symbol_bytes <= kFileBytes - point.symbol_offset);
  require(point.point_offset < point.symbol_offset + point.symbol_bytes);
  const InstructionDecoder decoder;
  std::uint64_t at = point.symbol_offset;
  while (at < point.point_offset) at += decoder.length(code.subspan(at - kCodeBegin));
  require(at == point.point_offset);
  require(
      execution_of(code.subspan(at - kCodeBegin, decoder.length(code.subspan(at - kCodeBegin)))) !=
      Execution::unsafe);
}

void fuzz_proof(std::span<const std::byte> input) {
  static const ProvenFile proven;
  beyla::base::ByteReader reader(input);
  auto point = reader.read_struct<abi::probe_point>();
  if (!point) return;
  std::vector<std::byte> code(kFileBytes - kCodeBegin, std::byte{0x90});
  const auto given = input.subspan(reader.position());
  std::copy_n(given.begin(), std::min(given.size(), code.size()), code.begin());
  require(::pwrite(proven.file.get(), code.data(), code.size(), kCodeBegin) ==
          static_cast<ssize_t>(code.size()));
  // Most inputs would end at the comparison of bytes; an odd probe id has the worker tell the
  // truth.
  if (point->probe % 2 == 1 && point->point_offset <= kFileBytes) {
    std::ignore = ::pread(proven.file.get(), point->expected, sizeof(point->expected),
                          static_cast<off_t>(point->point_offset));
  }
  for (const auto stepping :
       {Stepping::emulated_only, Stepping::call_allowed, Stepping::single_step_allowed}) {
    if (proven.executable.prove(*point, stepping)) require_provable(code, *point);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 4) {
    case 0: fuzz_message(input); break;
    case 1: fuzz_maps_line(input); break;
    case 3: fuzz_report(input); break;
    default: fuzz_proof(input); break;
  }
  return 0;
}
