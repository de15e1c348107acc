#include "probes/loader/kernel_probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "abi/frame_walk.h"
#include "base/counter.h"
#include "base/fd.h"
#include "probes/loader/go_programs.h"

using beyla::abi::frame_walk;  // as the skeleton calls it
#include "beyla_bpf.skel.h"

namespace beyla::probes::loader {
namespace {

constexpr const char* kKernelBtf = "/sys/kernel/btf/vmlinux";
constexpr std::uint32_t kTlsScratchDepth = 2;       // of tls_emit.bpf.h
constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO, linux/proc_ns.h

int print_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  // The verifier's log comes as one line of many kilobytes.
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return length;
  std::string line(static_cast<std::size_t>(length), '\0');
  std::vsnprintf(line.data(), line.size() + 1, format, arguments);
  std::string_view text(line);
  while (text.ends_with('\n')) text.remove_suffix(1);
  spdlog::debug("libbpf: {}", text);
  return length;
}

base::Error load_error(int error) {
  if (error == EPERM) {
    return {base::ErrorCode::permission, error,
            "cannot load BPF programs: run as root (sudo -E beyla) or with CAP_BPF, CAP_PERFMON, "
            "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"};
  }
  return {base::ErrorCode::unsupported, error,
          "the kernel refuses the BPF programs (the tp_btf hooks need Linux 6.3 or newer; "
          "LOG_LEVEL=debug shows the verifier's words)"};
}

void set_bit(unsigned long long* words, std::uint32_t bit) {
  std::atomic_ref(words[bit / abi::kBitsPerWord]).fetch_or(1ULL << (bit % abi::kBitsPerWord));
}
void clear_bit(unsigned long long* words, std::uint32_t bit) {
  std::atomic_ref(words[bit / abi::kBitsPerWord]).fetch_and(~(1ULL << (bit % abi::kBitsPerWord)));
}

bool is_in_initial_pid_namespace() {
  struct stat info{};
  return ::stat("/proc/self/ns/pid", &info) != 0 || info.st_ino == kInitialPidNamespace;
}

model::ProcessKey to_key(const abi::process_key& key) {
  return {key.pid, key.exec_generation, key.start_ns};
}

// A kernel without io_uring has neither its tracepoints nor its types; the programs stay out.
void follow_io_uring_if_known(beyla_bpf& skeleton) {
  bool known = false;
  if (btf* types = btf__load_vmlinux_btf(); types != nullptr) {
    known = btf__find_by_name_kind(types, "btf_trace_io_uring_file_get", BTF_KIND_TYPEDEF) > 0 &&
            btf__find_by_name_kind(types, "btf_trace_io_uring_submit_req", BTF_KIND_TYPEDEF) > 0;
    btf__free(types);
  }
  skeleton.rodata->follow_io_uring = known ? 1 : 0;
  for (auto* program : {skeleton.progs.uring_issue__tp_btf, skeleton.progs.uring_submit__tp_btf}) {
    bpf_program__set_autoload(program, known);
  }
  if (!known) spdlog::info("this kernel has no io_uring: its socket calls are not followed");
}

abi::frame_walk to_abi(const model::FrameWalk& walk) {
  abi::frame_walk value{};
  std::memcpy(&value.opening, walk.opening.data(),
              std::min(sizeof(value.opening), walk.opening.size()));
  value.opening_bytes = static_cast<std::uint32_t>(walk.opening.size());
  value.header_bytes = walk.header_bytes;
  value.length_at = walk.length_at;
  value.length_bytes = walk.length_bytes;
  value.type_at = walk.type_at;
  value.known_types = walk.known_types;
  value.wanted_types = walk.wanted_types;
  value.other_bytes = walk.other_bytes;
  value.max_found_bytes = walk.max_found_bytes;
  return value;
}

template <std::size_t kBytes>
std::string text_of(const std::uint8_t (&field)[kBytes]) {
  const char* text = reinterpret_cast<const char*>(field);
  return {text, strnlen(text, kBytes)};
}

// Runs an iterator program once: over the whole machine, or for the task `tid`.
base::Result<void> run_iterator(const bpf_program* program, std::uint32_t tid = 0) {
  bpf_iter_link_info info{};
  info.task.tid = tid;
  bpf_iter_attach_opts options{};
  options.sz = sizeof(options);
  options.link_info = &info;
  options.link_info_len = sizeof(info);
  bpf_link* link = bpf_program__attach_iter(program, tid != 0 ? &options : nullptr);
  if (link == nullptr) return base::fail_errno(errno, "cannot walk over the processes");
  const base::Fd iterator(bpf_iter_create(bpf_link__fd(link)));
  bpf_link__destroy(link);
  if (!iterator.valid()) return base::fail_errno(errno, "cannot walk over the processes");
  std::array<char, 64> unused{};
  ssize_t got = 0;
  do {
    got = ::read(iterator.get(), unused.data(), unused.size());
  } while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
  if (got < 0) return base::fail_errno(errno, "cannot walk over the processes");
  return {};
}

}  // namespace

struct KernelProbes::Impl {
  beyla_bpf* skeleton = nullptr;
  ring_buffer* process_ring = nullptr;
  ProcessEventSink* sink = nullptr;
  bool watch_every_exec = false;
  std::size_t possible_cpus = 0;
  bool in_initial_pid_namespace = is_in_initial_pid_namespace();
  base::Counter events_read;
  std::unique_ptr<LinkCloser> closer;  // of the next two, which it outlives
  std::unique_ptr<GoProbes> go;
  std::unique_ptr<TlsProbes> tls;

  [[nodiscard]] bool can_have_uprobes() const;
  void size_tls_maps(bool wanted);
  base::Result<void> make_closer();
  base::Result<void> make_go_probes();

  ~Impl() {
    ring_buffer__free(process_ring);
    beyla_bpf__destroy(skeleton);
  }
  static int on_record(void* context, void* data, std::size_t size);
  void decide(const model::ProcessKey& key, abi::decision what);
  void decide_by_pid(std::uint32_t pid, abi::decision what);
};

int KernelProbes::Impl::on_record(void* context, void* data, std::size_t size) {
  auto& self = *static_cast<Impl*>(context);
  abi::event_process event{};
  if (size < sizeof(event)) return 0;
  std::memcpy(&event, data, sizeof(event));
  const auto key = to_key(event.process);
  const base::BootTime time{std::chrono::nanoseconds(event.header.time_ns)};
  if (event.change == abi::kTlsStrangers) {
    self.sink->on_tls_strangers(event.cause, time);
    return 0;
  }
  if (event.change == abi::kProcessExited) {
    self.sink->on_exited(key, time);
    return 0;
  }
  self.sink->on_started({key, text_of(event.executable_name),
                         event.cause == abi::kWatchedByListen || event.cause == abi::kWatchedByExec,
                         time, text_of(event.executable_path)});
  return 0;
}

// Iterators see the pid namespace of who runs them only.
void KernelProbes::Impl::decide_by_pid(std::uint32_t pid, abi::decision what) {
  if (pid >= abi::kPidLimit) return;
  auto& state = *skeleton->bss;
  switch (what) {
    case abi::kDecideSelect:
      clear_bit(state.rejected, pid);
      set_bit(state.watched, pid);
      break;
    case abi::kDecideReject:
      clear_bit(state.watched, pid);
      clear_bit(state.has_go_probes, pid);
      clear_bit(state.has_tls_probes, pid);
      clear_bit(state.has_own_tls_probes, pid);
      set_bit(state.rejected, pid);
      break;
    case abi::kDecideGoProbed: set_bit(state.has_go_probes, pid); break;
    case abi::kDecideTlsProbed: set_bit(state.has_tls_probes, pid); break;
    case abi::kDecideTlsOwn: set_bit(state.has_own_tls_probes, pid); break;
  }
}

// Decisions are about the process that was proposed, not about whoever has its pid now.
void KernelProbes::Impl::decide(const model::ProcessKey& key, abi::decision what) {
  if (!in_initial_pid_namespace) {
    decide_by_pid(key.pid, what);
    return;
  }
  skeleton->bss->decided_start_ns = key.start_ns;
  skeleton->bss->decided_pid = key.pid;
  skeleton->bss->decided_generation = key.exec_generation;
  skeleton->bss->decided_what = what;
  const auto done = run_iterator(skeleton->progs.decide_process, key.pid);
  if (!done && done.error().os_errno != ESRCH) {  // ESRCH: it has ended
    spdlog::warn("cannot tell the kernel about process {}: {}", key.pid, done.error().message());
  }
}

bool KernelProbes::Impl::can_have_uprobes() const {
  // The kernel would take our pids for those of this namespace: probes in some other process.
  if (!in_initial_pid_namespace) {
    spdlog::warn(
        "no probes in programs: not in the host's pid namespace (run the container with "
        "--pid=host)");
    return false;
  }
  const UprobeMulti answer = ask_for_uprobe_multi();
  if (answer != UprobeMulti::available) spdlog::warn("no probes in programs: {}", describe(answer));
  return answer == UprobeMulti::available;
}

void KernelProbes::Impl::size_tls_maps(bool wanted) {
  const auto& maps = skeleton->maps;
  bpf_map__set_max_entries(
      maps.tls_scratch_by_cpu,
      wanted ? static_cast<std::uint32_t>(possible_cpus) * kTlsScratchDepth : 1);
  if (wanted) return;
  for (auto* map : {maps.tls_streams, maps.free_tls_streams, maps.tls_objects, maps.rustls_halves,
                    maps.rustls_prints, maps.rustls_held}) {
    bpf_map__set_max_entries(map, 1);
  }
}

base::Result<void> KernelProbes::Impl::make_closer() {
  try {
    closer = std::make_unique<LinkCloser>();
  } catch (const std::system_error& error) {
    return base::fail_to_start(error.code().value(), "cannot probe programs: no thread");
  }
  return {};
}

base::Result<void> KernelProbes::Impl::make_go_probes() {
  const auto programs = TRY(connect_go_programs(*skeleton->obj));
  go = TRY(GoProbes::make(
      {programs, bpf_program__fd(skeleton->progs.go_dispatch),
       bpf_map__fd(skeleton->maps.go_images), bpf_map__fd(skeleton->maps.go_mux_uses)},
      *closer));
  return {};
}

KernelProbes::KernelProbes(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KernelProbes::~KernelProbes() = default;

base::Result<std::unique_ptr<KernelProbes>> KernelProbes::load(const ProbeOptions& options) {
  if (::access(kKernelBtf, R_OK) != 0) {
    return base::fail(base::ErrorCode::unsupported,
                      std::string("this kernel offers no type information at ") + kKernelBtf +
                          ": beyla needs a kernel built with CONFIG_DEBUG_INFO_BTF=y");
  }
  libbpf_set_print(print_libbpf);
  auto impl = std::make_unique<Impl>();
  impl->skeleton = beyla_bpf__open();
  if (impl->skeleton == nullptr) return std::unexpected(load_error(errno));
  impl->skeleton->rodata->own_pid = static_cast<std::uint32_t>(::getpid());
  impl->skeleton->rodata->watch_every_exec = options.watch_every_exec ? 1 : 0;
  if (options.frame_walk) impl->skeleton->rodata->frame_walk = to_abi(*options.frame_walk);
  impl->watch_every_exec = options.watch_every_exec;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return base::fail_errno(-cpus, "cannot tell the number of CPUs");
  impl->possible_cpus = static_cast<std::size_t>(cpus);
  bpf_map__set_max_entries(impl->skeleton->maps.scratch_by_cpu,
                           static_cast<std::uint32_t>(cpus) * abi::kDirections);
  follow_io_uring_if_known(*impl->skeleton);
  const bool can_have_uprobes =
      (options.go_probes || options.tls_probes) && impl->can_have_uprobes();
  const bool with_go = options.go_probes && can_have_uprobes;
  const bool with_tls = options.tls_probes && can_have_uprobes;
  prepare_uprobe_programs(*impl->skeleton->obj, with_go, with_tls);
  impl->skeleton->rodata->follow_tls = with_tls ? 1 : 0;
  impl->size_tls_maps(with_tls);
  if (const int error = beyla_bpf__load(impl->skeleton); error != 0) {
    return std::unexpected(load_error(-error));
  }
  if (can_have_uprobes) TRY_VOID(impl->make_closer());
  if (with_go) TRY_VOID(impl->make_go_probes());
  if (with_tls) {
    const auto& programs = impl->skeleton->progs;
    impl->tls = std::make_unique<TlsProbes>(
        TlsPrograms{bpf_program__fd(programs.tls_call), bpf_program__fd(programs.rustls_call),
                    &impl->skeleton->bss->follow_rustls},
        *impl->closer);
  }
  for (std::uint32_t port = 0; port < abi::kPorts; ++port) {
    if (options.wanted_ports.test(port)) set_bit(impl->skeleton->bss->wanted_ports, port);
  }
  for (const std::uint32_t pid : options.own_pids) impl->decide_by_pid(pid, abi::kDecideReject);
  // libbpf has read the kernel's types, some 10 MB of heap, and freed them.
  ::malloc_trim(0);
  return std::unique_ptr<KernelProbes>(new KernelProbes(std::move(impl)));
}

base::Result<void> KernelProbes::attach(ProcessEventSink& sink) {
  impl_->sink = &sink;
  impl_->process_ring = ring_buffer__new(bpf_map__fd(impl_->skeleton->maps.process_ring),
                                         Impl::on_record, impl_.get(), nullptr);
  if (impl_->process_ring == nullptr) return base::fail_errno(errno, "cannot map the process ring");
  // The iterators are run by hand below; all else is attached for good.
  auto& programs = impl_->skeleton->progs;
  for (auto* program : {programs.scan_listeners, programs.scan_mark, programs.scan_processes,
                        programs.decide_process}) {
    bpf_program__set_autoattach(program, false);
  }
  if (const int error = beyla_bpf__attach(impl_->skeleton); error != 0) {
    return std::unexpected(load_error(-error));
  }
  if (impl_->watch_every_exec) {
    TRY_VOID(run_iterator(programs.scan_processes));
    read_process_events();
  }
  TRY_VOID(run_iterator(programs.scan_listeners));
  read_process_events();
  return run_iterator(programs.scan_mark);
}

CaptureHandles KernelProbes::handles() const {
  const auto& maps = impl_->skeleton->maps;
  return {bpf_map__fd(maps.data_ring),
          bpf_map__fd(maps.counts_by_kind),
          bpf_map__fd(maps.notes_by_kind),
          bpf_map__fd(maps.policy_by_slot),
          bpf_map__fd(maps.reader_by_zero),
          bpf_map__fd(maps.lost_closes),
          impl_->possible_cpus};
}

int KernelProbes::process_events_fd() const { return ring_buffer__epoll_fd(impl_->process_ring); }

void KernelProbes::read_process_events() {
  const int count = ring_buffer__consume(impl_->process_ring);
  if (count > 0) impl_->events_read.add(static_cast<std::uint64_t>(count));
}

std::uint64_t KernelProbes::process_events_read() const { return impl_->events_read.value(); }

void KernelProbes::exclude(std::uint32_t pid) { impl_->decide_by_pid(pid, abi::kDecideReject); }

std::uint64_t KernelProbes::skipped_runs() const {
  std::uint64_t total = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, impl_->skeleton->obj) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
      total += info.recursion_misses;
    }
  }
  return total;
}

void KernelProbes::select(const model::ProcessKey& key) { impl_->decide(key, abi::kDecideSelect); }

void KernelProbes::reject(const model::ProcessKey& key) { impl_->decide(key, abi::kDecideReject); }

GoProbes* KernelProbes::go() const { return impl_->go.get(); }

void KernelProbes::let_go_probes_speak(const model::ProcessKey& key) {
  impl_->decide(key, abi::kDecideGoProbed);
}

TlsProbes* KernelProbes::tls() const { return impl_->tls.get(); }

void KernelProbes::let_tls_probes_speak(const model::ProcessKey& key) {
  impl_->decide(key, abi::kDecideTlsProbed);
}

void KernelProbes::let_shared_tls_probes_rest(const model::ProcessKey& key) {
  impl_->decide(key, abi::kDecideTlsOwn);
}

bool KernelProbes::watches_every_exec() const { return impl_->watch_every_exec; }

std::uint64_t KernelProbes::tls_stranger_hits() const {
  std::uint64_t sum = 0;
  for (auto& hits : impl_->skeleton->bss->tls_stranger_hits) {
    sum += std::atomic_ref(hits).load(std::memory_order_relaxed);
  }
  return sum;
}

void KernelProbes::mark_open_sockets() {
  auto& programs = impl_->skeleton->progs;
  for (auto* program : {programs.scan_listeners, programs.scan_mark}) {
    if (auto done = run_iterator(program); !done) spdlog::warn("{}", done.error().message());
  }
}

}  // namespace beyla::probes::loader
