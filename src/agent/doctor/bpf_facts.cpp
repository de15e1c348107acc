#include "agent/doctor/bpf_facts.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "agent/doctor/btf_names.h"
#include "agent/doctor/capabilities.h"
#include "base/fd.h"
#include "probes/loader/uprobe_multi.h"

namespace beyla::agent::doctor {
namespace {

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

Answer answer_of(int probe_result) {
  if (probe_result < 0) return Answer::unknown;
  return probe_result == 1 ? Answer::yes : Answer::no;
}

void keep_if_asked(KernelFacts& kernel, const char* name) {
  if (name != nullptr && std::ranges::find(kAskedNames, name) != kAskedNames.end()) {
    kernel.btf_names.emplace(name);
  }
}

void collect_names(KernelFacts& kernel, const btf* types) {
  for (std::uint32_t id = 1; id < btf__type_cnt(types); ++id) {
    const btf_type* type = btf__type_by_id(types, id);
    keep_if_asked(kernel, btf__name_by_offset(types, type->name_off));
    if (!btf_is_enum(type)) continue;
    for (const struct btf_enum& value : std::span(btf_enum(type), btf_vlen(type))) {
      keep_if_asked(kernel, btf__name_by_offset(types, value.name_off));
    }
  }
}

}  // namespace

void read_type_information(KernelFacts& kernel, const std::string& sys_root) {
  const std::string path = sys_root + "/kernel/btf/vmlinux";
  const base::Fd readable(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.valid()) {
    kernel.btf_problem = std::strerror(errno);
    return;
  }
  const auto print = libbpf_set_print(nullptr);
  const std::unique_ptr<btf, FreeBtf> types(btf__parse(path.c_str(), nullptr));
  libbpf_set_print(print);
  if (!types) {
    kernel.btf_problem = std::string("not understood: ") + std::strerror(errno);
    return;
  }
  kernel.btf_readable = true;
  collect_names(kernel, types.get());
}

BpfFacts ask_bpf(const PrivilegeFacts& privileges) {
  BpfFacts facts;
  if (!may_load_programs(privileges)) return facts;
  facts.ring_buffer = answer_of(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr));
  facts.socket_storage = answer_of(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, nullptr));
  facts.queue = answer_of(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_QUEUE, nullptr));
  using probes::loader::UprobeMulti;
  const UprobeMulti links = probes::loader::ask_for_uprobe_multi();
  if (links == UprobeMulti::not_told) return facts;
  facts.uprobe_links = links == UprobeMulti::available ? Answer::yes : Answer::no;
  facts.uprobe_problem = probes::loader::describe(links);
  return facts;
}

}  // namespace beyla::agent::doctor
