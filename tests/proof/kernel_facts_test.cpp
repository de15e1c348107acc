// What src/probes/proof/ relies on, asked of the running kernel: a uprobe on an instruction that
// the proof accepts leaves the function's result as it was, and one inside an instruction does not.
// Counting perf events stand for our programs: what the breakpoint does to the target is the same.
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <span>
#include <string>

#include "base/fd.h"
#include "probes/proof/executable_maps.h"
#include "probes/proof/instruction.h"

namespace beyla::probes::proof {
namespace {

// long subject_NAME(long): NAME is what the instruction at point_NAME is. Each returns something
// else when that instruction does not do what it should.
#define SUBJECT(name, before, instruction, after)                                          \
  asm(".text\n.p2align 4\n.type subject_" #name ", @function\nsubject_" #name ":\n" before \
      "\npoint_" #name ": " instruction "\n" after "\nret\n.size subject_" #name           \
      ", . - subject_" #name "\n");                                                        \
  extern "C" long subject_##name(long);                                                    \
  extern "C" const unsigned char point_##name[];

SUBJECT(push, "", "push %rdi", "pop %rax; add $1, %rax")
SUBJECT(push_rex, "mov %r12, %rdx; mov %rdi, %r12", "push %r12", "pop %rax; mov %rdx, %r12")
SUBJECT(push_sp, "", "push %rsp", "pop %rax; sub %rsp, %rax; add %rdi, %rax")
SUBJECT(nop, "lea 3(%rdi), %rax", "nop", "")
SUBJECT(jmp, "lea 3(%rdi), %rax", "jmp 1f", "mov $0, %eax; 1:")
SUBJECT(jcc_taken, "lea 3(%rdi), %rax; cmp %rdi, %rdi", "jbe 1f", "mov $0, %eax; 1:")
SUBJECT(jcc_not_taken, "lea 3(%rdi), %rax; cmp %rax, %rdi", "ja 1f", "add $1, %rax; 1:")
SUBJECT(jcc_near, "lea 3(%rdi), %rax; cmp %rdi, %rdi", "je 1f", "mov $0, %eax; .skip 200, 0x90; 1:")
SUBJECT(red_zone, "mov %rdi, -8(%rsp)", "nop", "mov -8(%rsp), %rax")
SUBJECT(ret, "lea 3(%rdi), %rax", "ret", "mov $0, %eax")
SUBJECT(endbr64, "lea 3(%rdi), %rax", "endbr64", "")
SUBJECT(sub, "mov %rdi, %rax", "sub $5, %rax", "")
SUBJECT(lea_relative, "", "lea 1f(%rip), %rax",
        "lea 1f(%rip), %rdx; sub %rdx, %rax; add %rdi, %rax; 1:")
SUBJECT(load_relative, "", "mov 1f(%rip), %rax", "jmp 2f; 1: .quad 77; 2:")
SUBJECT(immediate, "", "mov $0x11223344, %eax", "")

struct Subject {
  const char* name;
  long (*function)(long);
  const unsigned char* point;
};
#define ROW(name) \
  Subject { #name, subject_##name, point_##name }

constexpr int kCalls = 20;  // more than once: some kernels rewrite the place after its first hit

// The file offset of an address in our own code.
std::uint64_t file_offset(const unsigned char* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string text; std::getline(maps, text);) {
    const auto line = parse_maps_line(text);
    if (line && wanted >= line->address &&
        wanted - line->address < line->range.end - line->range.begin) {
      return line->range.begin + (wanted - line->address);
    }
  }
  return 0;
}

class KernelFacts : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream("/sys/bus/event_source/devices/uprobe/type") >> type_;
    if (type_ == 0) GTEST_SKIP() << "this kernel has no uprobe events";
    if (!attach(point_nop).valid() && (errno == EACCES || errno == EPERM)) {
      GTEST_SKIP() << "uprobes need CAP_PERFMON or CAP_SYS_ADMIN";
    }
  }

  // Counts the hits of this thread.
  base::Fd attach(const unsigned char* address) const {
    static const std::string path = "/proc/self/exe";
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = type_;
    attributes.uprobe_path = reinterpret_cast<std::uintptr_t>(path.c_str());
    attributes.probe_offset = file_offset(address);
    return base::Fd(static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  }

  std::uint32_t type_ = 0;
};

TEST_F(KernelFacts, AcceptedInstructionsDoWhatTheyDidBefore) {
  const InstructionDecoder decoder;
  for (const auto& [name, function, point] :
       {ROW(push), ROW(push_rex), ROW(push_sp), ROW(nop), ROW(jmp), ROW(jcc_taken),
        ROW(jcc_not_taken), ROW(jcc_near), ROW(red_zone), ROW(ret), ROW(endbr64), ROW(sub),
        ROW(lea_relative), ROW(load_relative), ROW(immediate)}) {
    const auto code = std::as_bytes(std::span(point, ZYDIS_MAX_INSTRUCTION_LENGTH));
    ASSERT_NE(execution_of(code.first(decoder.length(code))), Execution::unsafe) << name;
    const long expected = function(40);
    const base::Fd probe = attach(point);
    ASSERT_TRUE(probe.valid()) << name << ": " << std::strerror(errno);
    for (int call = 0; call < kCalls; ++call) EXPECT_EQ(function(40), expected) << name;
    std::uint64_t hits = 0;
    ASSERT_EQ(::read(probe.get(), &hits, sizeof(hits)), static_cast<ssize_t>(sizeof(hits)));
    EXPECT_EQ(hits, kCalls) << name;
  }
}

// Why all this is needed: the kernel takes the offset, and the program goes on with another number.
TEST_F(KernelFacts, InsideAnInstructionTheProgramIsChangedSilently) {
  ASSERT_EQ(subject_immediate(0), 0x11223344);
  {
    const base::Fd probe = attach(point_immediate + 2);
    ASSERT_TRUE(probe.valid());
    EXPECT_EQ(subject_immediate(0), 0x1122cc44);
  }
  EXPECT_EQ(subject_immediate(0), 0x11223344);
}

}  // namespace
}  // namespace beyla::probes::proof
