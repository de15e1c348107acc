// Probes one Go process and prints a line for each record of its calls and of what it sends, then
// what the programs cost. For tests and developers; needs root, no agent.
// go_records PID [PROBE,... [MODE]]: until the standard input ends; quiet: costs and books only.
// For the bench, which asks the kernel for the costs: thin: quiet, and nothing is measured; full:
// likewise, but the probes own plain requests as those under TLS, and the sockets are not watched.
// metrics: nobody wants traces.
// "ready" says that the probes stand.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/frame_walk.h"
#include "abi/maps.h"
#include "base/fd.h"
#include "probes/go/report/binary_report.h"
#include "probes/go/report/file_view.h"
#include "probes/loader/go_programs.h"
#include "probes/loader/uprobe_multi.h"
#include "record_text.h"

using beyla::abi::frame_walk;  // as the skeleton calls it
#include "beyla_bpf.skel.h"

namespace beyla::tests {
namespace {

constexpr int kReadEveryMs = 20;

[[noreturn]] void fail(std::string_view what, int error) {
  fmt::print(stderr, "{}: {}\n", what, std::strerror(error));
  std::exit(1);
}

void set_bit(unsigned long long* words, std::uint32_t bit) {
  std::atomic_ref(words[bit / abi::kBitsPerWord]).fetch_or(1ULL << (bit % abi::kBitsPerWord));
}

beyla_bpf& load_programs() {
  beyla_bpf* skeleton = beyla_bpf__open();
  if (skeleton == nullptr) fail("cannot open the programs", errno);
  skeleton->rodata->own_pid = static_cast<std::uint32_t>(::getpid());
  bpf_map__set_max_entries(skeleton->maps.scratch_by_cpu,
                           static_cast<std::uint32_t>(libbpf_num_possible_cpus()) * 2);
  probes::loader::prepare_uprobe_programs(*skeleton->obj, true, false);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const std::string_view section = bpf_program__section_name(program);
    bpf_program__set_autoattach(program, section.starts_with("tp_btf/"));
    if (section.contains("io_uring")) bpf_program__set_autoload(program, false);
  }
  if (const int error = beyla_bpf__load(skeleton); error != 0) fail("cannot load", -error);
  if (const int error = beyla_bpf__attach(skeleton); error != 0) fail("cannot attach", -error);
  const auto connected = probes::loader::connect_go_programs(*skeleton->obj);
  if (!connected) fail(connected.error().message(), connected.error().os_errno);
  return *skeleton;
}

abi::binary_report read_report(const base::Fd& file) {
  const auto view = probes::go::FileView::make(file.get());
  if (!view) fail(view.error().message(), view.error().os_errno);
  return probes::go::make_binary_report(view->bytes());
}

// Image 0 is the only one.
base::Fd attach(const beyla_bpf& skeleton, const base::Fd& file, int pid,
                const abi::probe_points& points, const std::set<std::uint32_t>& wanted) {
  std::vector<probes::loader::UprobePlace> places;
  for (const auto& point : std::span(points.points).first(points.count)) {
    if (!wanted.empty() && !wanted.contains(point.probe)) continue;
    places.push_back({point.point_offset, point.probe << abi::kGoCookieProbeShift |
                                              probes::loader::variant_of(point.probe)});
  }
  if (places.empty()) return {};
  auto link = probes::loader::link_uprobes(bpf_program__fd(skeleton.progs.go_dispatch), file.get(),
                                           static_cast<std::uint32_t>(pid), places);
  if (!link) fail(link.error().message(), link.error().os_errno);
  return std::move(*link);
}

// Finds the listeners that are there, and marks those of the watched process.
void scan(const bpf_program* program) {
  bpf_link* link = bpf_program__attach_iter(program, nullptr);
  if (link == nullptr) fail("cannot scan", errno);
  const base::Fd iterator(bpf_iter_create(bpf_link__fd(link)));
  std::array<char, 64> unused{};
  while (::read(iterator.get(), unused.data(), unused.size()) > 0) {
  }
  bpf_link__destroy(link);
}

void print_costs(const beyla_bpf& skeleton) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    if (info.run_cnt == 0) continue;
    fmt::print("cost {} runs={} ns={:.0f}\n", bpf_program__name(program), info.run_cnt,
               static_cast<double>(info.run_time_ns) / static_cast<double>(info.run_cnt));
  }
}

void print_books(const beyla_bpf& skeleton) {
  std::vector<abi::event_counts> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t kind = abi::kEventCall;
  bpf_map_lookup_elem(bpf_map__fd(skeleton.maps.counts_by_kind), &kind, per_cpu.data());
  std::uint64_t generated = 0;
  std::uint64_t lost = 0;
  for (const auto& counts : per_cpu) {
    generated += counts.generated;
    lost += counts.lost[abi::kLossRingFull];
  }
  fmt::print("books generated={} lost={}\n", generated, lost);
}

struct Reader {
  bool quiet = false;
  std::uint64_t calls = 0;
};

int on_record(void* context, void* data, std::size_t size) {
  auto& reader = *static_cast<Reader*>(context);
  abi::event_header header{};
  std::memcpy(&header, data, sizeof(header));
  if (header.kind == abi::kEventCall) ++reader.calls;
  if (reader.quiet) return 0;
  const std::span record(static_cast<const std::byte*>(data), size);
  const std::string line = text_of_record(record);
  if (!line.empty()) fmt::print("{}\n", line);
  return 0;
}

enum class Mode : std::uint8_t { loud, quiet, thin, full, metrics };

Mode parse_mode(std::string_view text) {
  if (text == "loud") return Mode::loud;
  if (text == "quiet") return Mode::quiet;
  if (text == "thin") return Mode::thin;
  if (text == "full") return Mode::full;
  if (text == "metrics") return Mode::metrics;
  fail(text, EINVAL);
}

// What is read for the TLS state is net/http.conn.server, the first field, which each connection
// has.
void own_plain_requests(abi::go_image& image) {
  image.flags &= ~std::uint32_t{abi::kGoNoTlsServer};
  image.offset[abi::kGoConnTlsState] = 0;
}

std::set<std::uint32_t> parse_numbers(std::string_view text) {
  std::set<std::uint32_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::uint32_t number = 0;
    at = std::from_chars(at, end, number).ptr + 1;
    numbers.insert(number);
  }
  return numbers;
}

bool is_input_over() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, kReadEveryMs) > 0;
}

int run(int pid, const std::set<std::uint32_t>& wanted, Mode mode) {
  const std::string path = fmt::format("/proc/{}/exe", pid);
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) fail(path, errno);
  auto report = read_report(file);
  if (report.kind != abi::kBinaryGo) fail("not a Go program", ENOEXEC);
  const bool traces = mode != Mode::full && mode != Mode::metrics;
  if (traces) report.go.flags |= abi::kGoTracesWanted;
  if (mode == Mode::full) own_plain_requests(report.go);
  beyla_bpf& skeleton = load_programs();
  const std::uint32_t image = 0;
  bpf_map_update_elem(bpf_map__fd(skeleton.maps.go_images), &image, &report.go, BPF_ANY);
  if (mode != Mode::full) {
    set_bit(skeleton.bss->watched, static_cast<std::uint32_t>(pid));
    scan(skeleton.progs.scan_listeners);
    scan(skeleton.progs.scan_mark);
  }
  const base::Fd link = attach(skeleton, file, pid, report.points, wanted);
  set_bit(skeleton.bss->has_go_probes, static_cast<std::uint32_t>(pid));
  const bool prints = mode == Mode::loud || mode == Mode::metrics;
  Reader reader{!prints};
  auto* ring = ring_buffer__new(bpf_map__fd(skeleton.maps.data_ring), on_record, &reader, nullptr);
  const bool measures = mode == Mode::loud || mode == Mode::quiet;
  const base::Fd statistics(measures ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1);
  fmt::print("ready {}\n", reinterpret_cast<const char*>(report.text));
  std::fflush(stdout);
  while (!is_input_over()) {
    ring_buffer__consume(ring);
    std::fflush(stdout);
  }
  ring_buffer__consume(ring);
  print_costs(skeleton);
  print_books(skeleton);
  fmt::print("read {}\n", reader.calls);
  beyla_bpf__destroy(&skeleton);
  return 0;
}

}  // namespace
}  // namespace beyla::tests

int main(int count, char** arguments) {
  if (count < 2) return 2;
  return beyla::tests::run(
      std::atoi(arguments[1]), beyla::tests::parse_numbers(count > 2 ? arguments[2] : ""),
      count > 3 ? beyla::tests::parse_mode(arguments[3]) : beyla::tests::Mode::loud);
}
