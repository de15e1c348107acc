#include "probes/loader/uprobe_multi.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <string>

namespace beyla::probes::loader {
namespace {

// The beginning of union bpf_attr with its link_create.uprobe_multi, include/uapi/linux/bpf.h
// of 6.6.
struct LinkCreate {
  std::uint32_t program_fd;
  std::uint32_t target_fd;
  std::uint32_t attach_type;
  std::uint32_t link_flags;
  std::uint64_t path;
  std::uint64_t offsets;
  std::uint64_t reference_counter_offsets;
  std::uint64_t cookies;
  std::uint32_t count;
  std::uint32_t flags;
  std::int32_t pid;
  std::uint32_t padding;
};
static_assert(sizeof(LinkCreate) == 64);

// BPF_F_UPROBE_MULTI_RETURN, include/uapi/linux/bpf.h of 6.6.
constexpr std::uint32_t kMultiReturn = 1;

std::uint64_t address_of(const void* memory) { return reinterpret_cast<std::uintptr_t>(memory); }

// A link, or -errno.
int create_link(int program_fd, const char* path, std::int32_t pid,
                std::span<const std::uint64_t> offsets, std::span<const std::uint64_t> cookies,
                HitAt at = HitAt::place) {
  LinkCreate attributes{};
  attributes.program_fd = static_cast<std::uint32_t>(program_fd);
  attributes.attach_type = kTraceUprobeMulti;
  attributes.path = address_of(path);
  attributes.offsets = address_of(offsets.data());
  attributes.cookies = address_of(cookies.data());
  attributes.count = static_cast<std::uint32_t>(offsets.size());
  attributes.pid = pid;
  attributes.flags = at == HitAt::function_return ? kMultiReturn : 0;
  const long fd = ::syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
  return fd < 0 ? -errno : static_cast<int>(fd);
}

base::Fd load_empty_program() {
  constexpr std::array<bpf_insn, 2> kReturnZero = {{
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = static_cast<bpf_attach_type>(kTraceUprobeMulti);
  return base::Fd(::bpf_prog_load(BPF_PROG_TYPE_KPROBE, "ask_uprobes", "GPL", kReturnZero.data(),
                                  kReturnZero.size(), &options));
}

}  // namespace

std::string_view describe(UprobeMulti answer) {
  switch (answer) {
    case UprobeMulti::available: return "the kernel has uprobe_multi";
    case UprobeMulti::absent: return "the kernel has no uprobe_multi (Linux 6.6)";
    case UprobeMulti::follows_threads:
      return "the kernel's uprobe_multi sees the main thread only (fixed in Linux 6.6.33, 6.9.4 "
             "and "
             "6.10)";
    case UprobeMulti::not_told: return "the kernel lets no uprobe program be loaded";
  }
  return "unknown";
}

// A directory cannot be probed, but the kernel looks at the kind of link before. With the fix
// (46ba0e49b642, "bpf: fix multi-uprobe PID filtering logic") a negative pid is refused even
// earlier.
UprobeMulti ask_for_uprobe_multi() {
  const base::Fd program = load_empty_program();
  if (!program.valid()) return UprobeMulti::not_told;
  constexpr std::array<std::uint64_t, 1> kAnywhere{0};
  const auto ask = [&](std::int32_t pid) {
    return create_link(program.get(), "/", pid, kAnywhere, kAnywhere);
  };
  if (ask(0) != -EBADF) return UprobeMulti::absent;
  return ask(-1) == -EINVAL ? UprobeMulti::available : UprobeMulti::follows_threads;
}

base::Result<base::Fd> link_uprobes(int program_fd, int exe_fd, std::uint32_t pid,
                                    std::span<const UprobePlace> places, HitAt at) {
  assert(places.size() <= kMaxUprobePlaces);
  std::array<std::uint64_t, kMaxUprobePlaces> offsets{};
  std::array<std::uint64_t, kMaxUprobePlaces> cookies{};
  for (std::size_t place = 0; place < places.size(); ++place) {
    offsets[place] = places[place].offset;
    cookies[place] = places[place].cookie;
  }
  // The very file that was proven, whatever stands at its path by now.
  const std::string path = "/proc/self/fd/" + std::to_string(exe_fd);
  const int link = create_link(program_fd, path.c_str(), static_cast<std::int32_t>(pid),
                               std::span(offsets).first(places.size()),
                               std::span(cookies).first(places.size()), at);
  if (link < 0) return base::fail_errno(-link, "cannot attach uprobes");
  return base::Fd(link);
}

}  // namespace beyla::probes::loader
