// Probes functions of a running process at the sites of src/probes/native and counts the hits.
// Root. prober PID FILE SYMBOLS [compare] [limit=N] [arguments=N] [NAME...] FILE: what PID has
// mapped; SYMBOLS: the same file before it was stripped. compare: the first instruction and each
// return are probed, too, and must agree with the sites. Without names: every function. Prints
// "ready", then, once its standard input ends, a line for each function and "done". One thread.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "hits.h"
#include "hits_bpf.skel.h"
#include "probed_functions.h"
#include "probes/go/report/file_view.h"
#include "probes/loader/uprobe_multi.h"

namespace beyla::tests {
namespace {

using probes::loader::UprobePlace;

[[noreturn]] void fail(std::string_view what, std::string_view why) {
  fmt::print(stderr, "{}: {}\n", what, why);
  std::exit(1);
}

base::Fd open_file(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) fail(path, std::strerror(errno));
  return file;
}

struct Order {
  std::uint32_t pid = 0;
  std::string file;
  std::string symbols;
  Wanted wanted{.names = {}, .limit = kHitFunctions};
};

unsigned number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) fail(text, "is no number");
  return value;
}

Order read_order(int count, char** arguments) {
  if (count < 4)
    fail("usage", "prober PID FILE SYMBOLS [compare] [limit=N] [arguments=N] [NAME...]");
  Order order{.pid = number(arguments[1]), .file = arguments[2], .symbols = arguments[3]};
  for (int index = 4; index < count; ++index) {
    const std::string_view word = arguments[index];
    if (word == "compare") {
      order.wanted.compare = true;
    } else if (word.starts_with("limit=")) {
      order.wanted.limit = std::min<std::size_t>(number(word.substr(6)), kHitFunctions);
    } else if (word.starts_with("arguments=")) {
      order.wanted.arguments = std::min<unsigned>(number(word.substr(10)), kHitArguments);
    } else {
      order.wanted.names.emplace_back(word);
    }
  }
  return order;
}

hits_bpf& load_program() {
  hits_bpf* const skeleton = hits_bpf__open();
  if (skeleton == nullptr) fail("cannot open the program", std::strerror(errno));
  bpf_program__set_type(skeleton->progs.count_hit, BPF_PROG_TYPE_KPROBE);
  bpf_program__set_expected_attach_type(
      skeleton->progs.count_hit, static_cast<bpf_attach_type>(probes::loader::kTraceUprobeMulti));
  if (const int error = hits_bpf__load(skeleton); error != 0) {
    fail("cannot load the program", std::strerror(-error));
  }
  return *skeleton;
}

std::uint64_t cookie_of(hit_kind kind, std::size_t function) {
  return static_cast<std::uint64_t>(kind) << kHitKindShift | function;
}

bool begins_at_first(const ProbedFunction& function) {
  return function.sites.entry && function.sites.entry->offset == function.sites.file_offset;
}

std::vector<UprobePlace> places_of(const std::vector<ProbedFunction>& functions) {
  std::vector<UprobePlace> places;
  for (std::size_t index = 0; index < functions.size(); ++index) {
    const auto& function = functions[index];
    // A site that is the first instruction is compared with nothing: one probe for both.
    if (function.compared && !(function.has_entry && begins_at_first(function))) {
      places.push_back({function.sites.file_offset, cookie_of(kHitCall, index)});
    }
    if (function.has_entry) {
      places.push_back(
          {function.sites.entry->offset,
           cookie_of(function.compared && begins_at_first(function) ? kHitCall : kHitEntry,
                     index)});
    }
    if (function.has_exits) {
      for (const std::size_t offset : *function.sites.exits) {
        places.push_back({offset, cookie_of(kHitExit, index)});
      }
    }
    if (!function.compared) continue;
    for (const std::uint64_t offset : function.returns) {
      places.push_back({offset, cookie_of(kHitReturn, index)});
    }
  }
  return places;
}

void tell_facts(const hits_bpf& skeleton, const std::vector<ProbedFunction>& functions) {
  for (std::uint32_t index = 0; index < functions.size(); ++index) {
    const auto& function = functions[index];
    function_facts facts{};
    facts.compared = function.compared;
    facts.has_entry = function.has_entry && !begins_at_first(function);
    facts.has_exit = function.has_exits;
    facts.arguments = function.arguments;
    if (function.has_entry) {
      facts.stack_known = function.sites.entry->stack_bytes.has_value();
      facts.stack_bytes = function.sites.entry->stack_bytes.value_or(0);
    }
    bpf_map_update_elem(bpf_map__fd(skeleton.maps.facts_by_function), &index, &facts, BPF_ANY);
  }
}

std::vector<base::Fd> attach(const hits_bpf& skeleton, const base::Fd& file, std::uint32_t pid,
                             std::span<const UprobePlace> places) {
  std::vector<base::Fd> links;
  while (!places.empty()) {
    const auto some = places.first(std::min(places.size(), probes::loader::kMaxUprobePlaces));
    auto link = probes::loader::link_uprobes(bpf_program__fd(skeleton.progs.count_hit), file.get(),
                                             pid, some);
    if (!link) fail("cannot attach", link.error().message());
    links.push_back(std::move(*link));
    places = places.subspan(some.size());
  }
  return links;
}

void print_hits(const hits_bpf& skeleton, const std::vector<ProbedFunction>& functions) {
  for (std::uint32_t index = 0; index < functions.size(); ++index) {
    function_hits found{};
    bpf_map_lookup_elem(bpf_map__fd(skeleton.maps.hits_by_function), &index, &found);
    const auto& function = functions[index];
    const bool at_first = function.compared && function.has_entry && begins_at_first(function);
    fmt::print(
        "function {} {} entries={} exits={} calls={} returns={} compared={} "
        "troubles={},{},{},{},{}\n",
        function.name, function.has_exits ? "both" : "entry",
        function.has_entry ? std::to_string(found.hits[at_first ? kHitCall : kHitEntry]) : "none",
        function.has_exits ? std::to_string(found.hits[kHitExit]) : "none", found.hits[kHitCall],
        found.hits[kHitReturn], found.compared, found.troubles[0], found.troubles[1],
        found.troubles[2], found.troubles[3], found.troubles[4]);
  }
}

}  // namespace

int run(int count, char** arguments) {
  const Order order = read_order(count, arguments);
  const base::Fd file = open_file(order.file);
  const base::Fd maps = open_file(fmt::format("/proc/{}/maps", order.pid));
  const base::Fd symbols = open_file(order.symbols);
  const auto executable = probes::proof::Executable::make(file.get(), maps.get());
  if (!executable) fail(order.file, reason_name(executable.error()));
  const auto view = probes::go::FileView::make(symbols.get());
  if (!view) fail(order.symbols, view.error().message());
  const auto functions = probed_functions(view->bytes(), *executable, order.wanted);
  const auto& skeleton = load_program();
  tell_facts(skeleton, functions);
  const auto places = places_of(functions);
  auto links = attach(skeleton, file, order.pid, places);
  fmt::print("ready functions={} places={}\n", functions.size(), places.size());
  std::fflush(stdout);
  char unused = 0;
  while (::read(STDIN_FILENO, &unused, 1) > 0) {
  }
  links.clear();
  print_hits(skeleton, functions);
  fmt::print("done\n");
  return 0;
}

}  // namespace beyla::tests

int main(int count, char** arguments) { return beyla::tests::run(count, arguments); }
