/* What a uprobe costs around its program: calls of a function with and without a uprobe whose
 * program does nothing, on an instruction of Go's prologues that the kernel emulates.
 * The agent's own figures have the time of its programs, not that of the way to them.
 *
 * Usage: bench_trap CORE ROUNDS [call]
 * Prints a line for each round: ns per hit; with `call` ns per call of the function, whose return
 * is probed, too, as calls of TLS libraries are. Needs CAP_BPF and CAP_PERFMON, and Linux 6.6. */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
  kCalls = 20000,          /* of one measurement: some 15 ms with the probe */
  kAttachUprobeMulti = 48, /* BPF_TRACE_UPROBE_MULTI, Linux 6.6: newer than Debian's header */
  kInstructions = 2,
  kAtReturn = 1, /* BPF_F_UPROBE_MULTI_RETURN */
};

/* The part of union bpf_attr for BPF_LINK_CREATE with uprobe_multi, as Linux 6.6 has it. */
struct uprobe_link {
  uint32_t program, target, attach_type, flags;
  uint64_t path, offsets, reference_counters, cookies;
  uint32_t count, uprobe_flags, pid, padding;
};

static void require(int is_good, const char* what) {
  if (is_good) return;
  perror(what);
  exit(1);
}

/* `push %rbp` is emulated by the kernel, as the `jbe` before it is. */
__asm__(
    ".text\n.type probed, @function\nprobed:\n  push %rbp\n  pop %rbp\n  ret\n.size probed, . - "
    "probed\n");
extern void probed(void);

static uint64_t file_offset(uint64_t address) {
  FILE* const maps = fopen("/proc/self/maps", "re");
  char line[512];
  require(maps != NULL, "/proc/self/maps");
  while (fgets(line, sizeof(line), maps)) {
    unsigned long begin = 0, end = 0, offset = 0;
    if (sscanf(line, "%lx-%lx %*s %lx", &begin, &end, &offset) != 3) continue;
    if (address < begin || address >= end) continue;
    fclose(maps);
    return address - begin + offset;
  }
  require(0, "the function in /proc/self/maps");
  return 0;
}

static int empty_program(void) {
  const struct bpf_insn instructions[kInstructions] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof(attributes));
  attributes.prog_type = BPF_PROG_TYPE_KPROBE;
  attributes.expected_attach_type = kAttachUprobeMulti;
  attributes.insns = (uint64_t)(uintptr_t)instructions;
  attributes.insn_cnt = kInstructions;
  attributes.license = (uint64_t)(uintptr_t)"GPL";
  const long made = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
  require(made >= 0, "BPF_PROG_LOAD");
  return (int)made;
}

static int attach(int program, uint64_t offset, uint32_t flags) {
  const struct uprobe_link link = {.program = (uint32_t)program,
                                   .attach_type = kAttachUprobeMulti,
                                   .path = (uint64_t)(uintptr_t)"/proc/self/exe",
                                   .offsets = (uint64_t)(uintptr_t)&offset,
                                   .count = 1,
                                   .uprobe_flags = flags,
                                   .pid = (uint32_t)getpid()};
  const long made = syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
  require(made >= 0, "BPF_LINK_CREATE");
  return (int)made;
}

static double ns_per_call(void) {
  struct timespec begin, end;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  for (int i = 0; i < kCalls; ++i) probed();
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
         kCalls;
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)atoi(argv[1]), &set);
  require(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
  const uint64_t offset = file_offset((uint64_t)(uintptr_t)&probed);
  const int program = empty_program();
  for (int round = 0; round < atoi(argv[2]); ++round) {
    const double without = ns_per_call();
    const int link = attach(program, offset, 0);
    const int at_return = argc == 4 ? attach(program, offset, kAtReturn) : -1;
    ns_per_call(); /* the first hits meet cold caches */
    const double with_probe = ns_per_call();
    close(link);
    if (at_return >= 0) close(at_return);
    printf("%.1f\n", with_probe - without);
  }
  close(program);
  return 0;
}
