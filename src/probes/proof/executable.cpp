#include "probes/proof/executable.h"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace beyla::probes::proof {
namespace {

constexpr std::size_t kMaxSegments = 128;

#ifdef __x86_64__
constexpr bool kSupportedArchitecture = true;
#else
constexpr bool kSupportedArchitecture = false;
#endif

// All of `bytes` from `offset`, or false.
bool read_fully(int fd, std::span<std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

// Four constants at fixed places of the ELF header; of the rest of the format no more than program
// headers is looked at here.
bool is_elf64_x86(const Elf64_Ehdr& header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
         header.e_machine == EM_X86_64;
}

std::expected<Elf64_Ehdr, Refusal> read_header(int fd) {
  if constexpr (!kSupportedArchitecture) {
    return std::unexpected(Refusal::unsupported_architecture);
  }
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::unexpected(Refusal::not_a_regular_file);
  }
  Elf64_Ehdr header{};
  if (!read_fully(fd, std::as_writable_bytes(std::span(&header, 1)), 0)) {
    return std::unexpected(Refusal::unreadable_file);
  }
  if (!is_elf64_x86(header)) return std::unexpected(Refusal::not_elf64);
  return header;
}

std::expected<void, Refusal> check_place(const abi::probe_point& point) {
  if (point.symbol_bytes == 0 || point.symbol_bytes > kMaxSymbolBytes) {
    return std::unexpected(Refusal::symbol_too_large);
  }
  if (point.point_offset < point.symbol_offset ||
      point.point_offset - point.symbol_offset >= point.symbol_bytes) {
    return std::unexpected(Refusal::outside_symbol);
  }
  if (point.point_offset - point.symbol_offset > kMaxDecodedBytes) {
    return std::unexpected(Refusal::too_deep);
  }
  return {};
}

}  // namespace

std::expected<Executable, Refusal> Executable::make_unmapped(int fd) {
  const auto header = read_header(fd);
  if (!header) return std::unexpected(header.error());
  if (header->e_phnum > kMaxSegments || header->e_phentsize != sizeof(Elf64_Phdr)) {
    return std::unexpected(Refusal::not_elf64);
  }
  std::vector<Elf64_Phdr> segments(header->e_phnum);
  if (!read_fully(fd, std::as_writable_bytes(std::span(segments)), header->e_phoff)) {
    return std::unexpected(Refusal::unreadable_file);
  }
  std::vector<CodeRange> code;
  for (const Elf64_Phdr& segment : segments) {
    const bool is_code = segment.p_type == PT_LOAD && (segment.p_flags & (PF_X | PF_W)) == PF_X;
    CodeRange range{.begin = segment.p_offset};
    if (is_code && !__builtin_add_overflow(segment.p_offset, segment.p_filesz, &range.end)) {
      code.push_back(range);
    }
  }
  return Executable(fd, std::move(code));
}

std::expected<Executable, Refusal> Executable::make(int exe_fd, int maps_fd) {
  const auto header = read_header(exe_fd);
  if (!header) return std::unexpected(header.error());
  const auto file = mapped_file_of(exe_fd);
  if (!file) return std::unexpected(file.error());
  auto code = code_ranges(maps_fd, *file);
  if (!code) return std::unexpected(code.error());
  return Executable(exe_fd, std::move(*code));
}

std::expected<void, Refusal> Executable::prove(const abi::probe_point& point,
                                               Stepping stepping) const {
  if (const auto placed = check_place(point); !placed) return placed;
  const auto range = std::ranges::find_if(code_, [&](const CodeRange& candidate) {
    return candidate.covers(point.symbol_offset, point.symbol_bytes);
  });
  if (range == code_.end()) return std::unexpected(Refusal::not_executable);

  // One reading for all that follows, so that no two checks can see different bytes.
  const std::uint64_t before =
      std::min<std::uint64_t>(kNeighbourBytes, point.point_offset - range->begin);
  const std::uint64_t begin = std::min(point.symbol_offset, point.point_offset - before);
  std::vector<std::byte> bytes(point.point_offset - begin + abi::kExpectedBytes);
  if (!read_fully(fd_, bytes, begin)) return std::unexpected(Refusal::unreadable_file);
  const auto code = std::span<const std::byte>(bytes);
  if (!std::ranges::equal(code.last(abi::kExpectedBytes),
                          std::as_bytes(std::span(point.expected)))) {
    return std::unexpected(Refusal::bytes_differ);
  }

  const auto symbol = code.subspan(point.symbol_offset - begin);
  const std::uint64_t depth = point.point_offset - point.symbol_offset;
  const auto length = sweep_to(decoder_, symbol, depth);
  if (!length) return std::unexpected(length.error());
  if (*length > point.symbol_bytes - depth) return std::unexpected(Refusal::outside_symbol);
  if (!neighbours_agree(decoder_, code, point.point_offset - begin)) {
    return std::unexpected(Refusal::doubtful_boundary);
  }
  switch (execution_of(symbol.subspan(depth, *length))) {
    case Execution::emulated: return {};
    case Execution::emulated_call:
      if (stepping == Stepping::call_allowed) return {};
      return std::unexpected(Refusal::not_emulated);
    case Execution::single_stepped:
      if (stepping == Stepping::single_step_allowed) return {};
      return std::unexpected(Refusal::not_emulated);
    case Execution::unsafe: break;
  }
  return std::unexpected(Refusal::unsafe_instruction);
}

}  // namespace beyla::probes::proof
