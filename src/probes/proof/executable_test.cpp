#include "probes/proof/executable.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "base/fd.h"

namespace beyla::probes::proof {
namespace {

constexpr std::uint64_t kCodeBegin = 0x1000;
constexpr std::uint64_t kCodeEnd = 0x200000;

Elf64_Ehdr header_of_64() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = EM_X86_64;
  return header;
}

// A file of NOPs with a header, on disk, and what /proc/PID/maps would say of it.
class ProofTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "beyla_proof_XXXXXX";
    exe_ = base::Fd(::mkostemp(path.data(), O_CLOEXEC));
    ASSERT_TRUE(exe_.valid());
    ::unlink(path.c_str());
    const std::string nops(kCodeEnd, '\x90');
    write(0, nops);
    const Elf64_Ehdr header = header_of_64();
    write(0, {reinterpret_cast<const char*>(&header), sizeof(header)});
  }

  void write(std::uint64_t offset, std::string_view bytes) {
    ASSERT_EQ(::pwrite(exe_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
  }

  std::expected<Executable, Refusal> make(std::string_view permissions = "r-xp") {
    const auto file = mapped_file_of(exe_.get());
    EXPECT_TRUE(file);
    const std::string text =
        fmt::format("{:08x}-{:08x} {} {:08x} {:02x}:{:02x} {} /any\n", kCodeBegin, kCodeEnd,
                    permissions, kCodeBegin, file->major, file->minor, file->inode);
    const base::Fd maps(::memfd_create("maps", MFD_CLOEXEC));
    EXPECT_EQ(::write(maps.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::lseek(maps.get(), 0, SEEK_SET);
    return Executable::make(exe_.get(), maps.get());
  }

  // `expected` is what the file says now.
  abi::probe_point point_at(std::uint64_t offset, std::uint64_t symbol, std::uint64_t bytes) const {
    abi::probe_point point{};
    point.symbol_offset = symbol;
    point.symbol_bytes = bytes;
    point.point_offset = offset;
    const ssize_t got =
        ::pread(exe_.get(), point.expected, sizeof(point.expected), static_cast<off_t>(offset));
    EXPECT_TRUE(got >= 0 || offset > INT64_MAX);
    return point;
  }

  // The name of the reason, or "proven".
  std::string judge(const abi::probe_point& point, Stepping stepping = Stepping::emulated_only) {
    const auto executable = make();
    if (!executable) return std::string(reason_name(executable.error()));
    const auto proven = executable->prove(point, stepping);
    return proven ? "proven" : std::string(reason_name(proven.error()));
  }

  base::Fd exe_;
};

using namespace std::string_view_literals;

TEST_F(ProofTest, BoundaryOfAnEmulatedInstructionIsProven) {
  write(0x2000, "\x49\x3b\x66\x10\x76\x20\x55\x48\x89\xe5"sv);  // cmp; jbe; push rbp; mov
  EXPECT_EQ(judge(point_at(0x2004, 0x2000, 64)), "proven");
  EXPECT_EQ(judge(point_at(0x2006, 0x2000, 64)), "proven");
}

TEST_F(ProofTest, SingleSteppingNeedsLeave) {
  write(0x2000, "\x49\x3b\x66\x10\x76\x20\x55\x48\x89\xe5"sv);
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64)), "not_emulated");
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64), Stepping::single_step_allowed), "proven");
}

TEST_F(ProofTest, ACallNeedsLeave) {
  write(0x2000, "\xe8\x01\x00\x00\x00"sv);
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64)), "not_emulated");
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64), Stepping::single_step_allowed), "not_emulated");
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64), Stepping::call_allowed), "proven");
  write(0x2000, "\x49\x3b\x66\x10"sv);
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64), Stepping::call_allowed), "not_emulated");
}

TEST_F(ProofTest, NoLeaveIsGivenForWhatHarms) {
  write(0x2000, "\x9c"sv);  // pushf
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 64), Stepping::single_step_allowed),
            "unsafe_instruction");
}

TEST_F(ProofTest, MidInstructionIsRefused) {
  write(0x2000, "\x55\xb8\x55\x55\x55\x55\xc3"sv);  // push rbp; mov eax, 0x55555555; ret
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 7)), "proven");
  for (std::uint64_t offset = 0x2002; offset < 0x2006; ++offset) {
    EXPECT_EQ(judge(point_at(offset, 0x2000, 7)), "mid_instruction");
  }
}

TEST_F(ProofTest, SymbolThatBeginsInsideAnInstructionDoesNotHelp) {
  write(0x2000, "\x55\xb8\x55\x55\x55\x55\xc3"sv);
  EXPECT_EQ(judge(point_at(0x2002, 0x2002, 5)), "doubtful_boundary");
  EXPECT_EQ(judge(point_at(0x2004, 0x2002, 5)), "doubtful_boundary");
}

TEST_F(ProofTest, UndecodableBeforeThePointIsRefused) {
  write(0x2000, "\x06\x55"sv);
  EXPECT_EQ(judge(point_at(0x2001, 0x2000, 8)), "undecodable");
}

TEST_F(ProofTest, PointOutsideItsSymbolIsRefused) {
  EXPECT_EQ(judge(point_at(0x1fff, 0x2000, 8)), "outside_symbol");
  EXPECT_EQ(judge(point_at(0x2008, 0x2000, 8)), "outside_symbol");
  EXPECT_EQ(judge(point_at(0x2009, 0x2000, 8)), "outside_symbol");
  EXPECT_EQ(judge(point_at(0x2007, 0x2000, 8)), "proven");
  write(0x2007, "\xeb\x01"sv);  // the instruction itself goes on behind it
  EXPECT_EQ(judge(point_at(0x2007, 0x2000, 8)), "outside_symbol");
}

TEST_F(ProofTest, SymbolsHaveASize) {
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, 0)), "symbol_too_large");
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, kMaxSymbolBytes)), "proven");
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, kMaxSymbolBytes + 1)), "symbol_too_large");
  EXPECT_EQ(judge(point_at(0x2000, 0x2000, ~0ULL)), "symbol_too_large");
}

TEST_F(ProofTest, DepthIsLimited) {
  EXPECT_EQ(judge(point_at(0x2000 + kMaxDecodedBytes, 0x2000, kMaxSymbolBytes)), "proven");
  EXPECT_EQ(judge(point_at(0x2001 + kMaxDecodedBytes, 0x2000, kMaxSymbolBytes)), "too_deep");
}

TEST_F(ProofTest, OutsideOfTheCodeIsRefused) {
  EXPECT_EQ(judge(point_at(kCodeBegin, kCodeBegin, 8)), "proven");
  EXPECT_EQ(judge(point_at(kCodeBegin, kCodeBegin - 1, 8)), "not_executable");
  EXPECT_EQ(judge(point_at(kCodeEnd - 16, kCodeEnd - 16, 16)), "proven");
  EXPECT_EQ(judge(point_at(kCodeEnd - 16, kCodeEnd - 16, 17)), "not_executable");
  EXPECT_EQ(judge(point_at(0x40, 0x40, 8)), "not_executable");
  EXPECT_EQ(judge(point_at(~0ULL, ~0ULL, 1)), "not_executable");
  EXPECT_EQ(judge(point_at(1ULL << 63, 1ULL << 63, kMaxSymbolBytes)), "not_executable");
}

TEST_F(ProofTest, DataIsNoCode) {
  for (const auto* permissions : {"r--p", "rw-p", "rwxp", "r-xs"}) {
    const auto executable = make(permissions);
    ASSERT_TRUE(executable);
    const auto proven = executable->prove(point_at(0x2000, 0x2000, 8), Stepping::emulated_only);
    EXPECT_EQ(proven.error(), Refusal::not_executable) << permissions;
  }
}

TEST_F(ProofTest, OtherBytesThanExpectedAreRefused) {
  for (std::size_t index = 0; index < abi::kExpectedBytes; ++index) {
    auto point = point_at(0x2000, 0x2000, 8);
    point.expected[index] ^= 1;
    EXPECT_EQ(judge(point), "bytes_differ");
  }
}

TEST_F(ProofTest, FileThatShrinksIsRefused) {
  const auto executable = make();
  ASSERT_TRUE(executable);
  const auto point = point_at(0x2000, 0x2000, 8);
  ASSERT_TRUE(executable->prove(point, Stepping::emulated_only));
  ASSERT_EQ(::ftruncate(exe_.get(), 0x2000 + abi::kExpectedBytes - 1), 0);
  EXPECT_EQ(executable->prove(point, Stepping::emulated_only).error(), Refusal::unreadable_file);
  ASSERT_EQ(::ftruncate(exe_.get(), 10), 0);
  EXPECT_EQ(judge(point), "unreadable_file");
}

TEST_F(ProofTest, FileThatChangesIsRefused) {
  const auto executable = make();
  ASSERT_TRUE(executable);
  const auto point = point_at(0x2000, 0x2000, 8);
  write(0x2000, "\x55"sv);
  EXPECT_EQ(executable->prove(point, Stepping::emulated_only).error(), Refusal::bytes_differ);
}

TEST_F(ProofTest, OnlyElf64OfThisProcessor) {
  const auto with = [this](auto change) {
    Elf64_Ehdr header = header_of_64();
    change(header);
    write(0, {reinterpret_cast<const char*>(&header), sizeof(header)});
    return judge(point_at(0x2000, 0x2000, 8));
  };
  EXPECT_EQ(with([](auto&) {}), "proven");
  EXPECT_EQ(with([](auto& header) { header.e_ident[EI_CLASS] = ELFCLASS32; }), "not_elf64");
  EXPECT_EQ(with([](auto& header) { header.e_ident[EI_DATA] = ELFDATA2MSB; }), "not_elf64");
  EXPECT_EQ(with([](auto& header) { header.e_machine = EM_AARCH64; }), "not_elf64");
  EXPECT_EQ(with([](auto& header) { header.e_ident[0] = '#'; }), "not_elf64");
}

TEST_F(ProofTest, OnlyRegularFiles) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const base::Fd read_end(pipe[0]);
  const base::Fd write_end(pipe[1]);
  const base::Fd directory(::open("/", O_RDONLY | O_CLOEXEC));
  for (const int fd : {read_end.get(), directory.get(), -1}) {
    EXPECT_EQ(Executable::make(fd, directory.get()).error(), Refusal::not_a_regular_file);
  }
}

TEST_F(ProofTest, WithoutMapsNothingIsProven) {
  const base::Fd directory(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(Executable::make(exe_.get(), directory.get()).error(), Refusal::unreadable_maps);
}

TEST(Refusals, EachHasANameAndACountOfItsOwn) {
  std::set<std::string_view> names(kReasonNames.begin(), kReasonNames.end());
  EXPECT_EQ(names.size(), kRefusals);
  EXPECT_EQ(names.count(""), 0);
  EXPECT_EQ(reason_name(Refusal::malformed_message), "malformed_message");
  EXPECT_EQ(reason_name(Refusal::unsupported_architecture), "unsupported_architecture");
  EXPECT_EQ(reason_name(Refusal::symbol_too_large), "symbol_too_large");
  RefusalCounts counts;
  counts.add(Refusal::not_emulated);
  counts.add(Refusal::not_emulated);
  EXPECT_EQ(counts.value(Refusal::not_emulated), 2);
  EXPECT_EQ(counts.value(Refusal::unsafe_instruction), 0);
}

}  // namespace
}  // namespace beyla::probes::proof
