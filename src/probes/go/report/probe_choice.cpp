#include "probes/go/report/probe_choice.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "probes/go/report/wanted_probes.h"
#include "probes/go/sites/call_sites.h"
#include "probes/go/sites/end_sites.h"
#include "probes/go/sites/entry_site.h"
#include "probes/x86/code_reader.h"

namespace beyla::probes::go {
namespace {

using Points = std::vector<abi::probe_point>;

enum class Verdict : std::uint8_t { absent, inlined, left_out, probed };

struct Candidate {
  const WantedProbe* wanted = nullptr;
  Verdict verdict = Verdict::absent;
  Points points;
};

// Linked where net/http.(*Server).ServeTLS or crypto/tls.Server can be reached.
constexpr std::string_view kTlsServer = "crypto/tls.(*Conn).serverHandshake";

// Who writes patterns into requests: ServeMux, if any was registered (Go >= 1.22), and chi >= 5.2.
constexpr std::array<std::string_view, 2> kPatternWriters = {
    "net/http.(*ServeMux).registerErr", "github.com/go-chi/chi/v5.(*Mux).ServeHTTP"};

// Of SetWriteDeadline in the itab of a net.Conn: its methods by name (net/net.go), behind 24 bytes
// (internal/abi/iface.go, ITab.Fun).
constexpr std::int64_t kSetWriteDeadline = 24 + 6 * 8;

constexpr std::uint64_t bit_of(abi::go_probe probe) { return std::uint64_t{1} << probe; }

class Chooser {
 public:
  Chooser(const GoImage& image, std::span<const std::byte> file, const abi::go_image& known)
      : image_(image), file_(file), known_(known) {
    find_functions();
  }

  [[nodiscard]] bool may_serve_tls() const { return find(kTlsServer) != nullptr; }
  [[nodiscard]] bool has_patterns() const {
    return std::ranges::any_of(kPatternWriters, [&](auto name) { return find(name) != nullptr; });
  }

  [[nodiscard]] Candidate judge(const WantedProbe& wanted) const {
    const auto* function = find(wanted.function);
    if (is_inlined(wanted, function)) return {&wanted, Verdict::inlined, {}};
    if (function == nullptr) return {&wanted, Verdict::absent, {}};
    Points points = has_fields(wanted) ? sites_of(wanted, *function) : Points{};
    if (points.empty() && wanted.site == SiteKind::entry_behind_finish) {
      return {&wanted, Verdict::absent, {}};
    }
    const auto verdict = points.empty() ? Verdict::left_out : Verdict::probed;
    return {&wanted, verdict, std::move(points)};
  }

 private:
  void find_functions() {
    std::vector<std::string_view> names{kTlsServer, kServe, kFinishRequest};
    names.insert(names.end(), kPatternWriters.begin(), kPatternWriters.end());
    for (const WantedProbe& wanted : wanted_probes()) {
      names.push_back(wanted.function);
      std::ranges::copy_if(wanted.callers, std::back_inserter(names),
                           [](std::string_view name) { return !name.empty(); });
    }
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    const auto found = image_.find_functions(names);
    for (std::size_t index = 0; index < names.size(); ++index) {
      if (found[index]) functions_.emplace(names[index], *found[index]);
    }
  }

  [[nodiscard]] const Function* find(std::string_view name) const {
    const auto found = functions_.find(name);
    return found == functions_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] bool is_inlined(const WantedProbe& wanted, const Function* function) const {
    bool has_caller = false;
    for (const auto name : wanted.callers) {
      const auto* caller = find(name);
      if (caller == nullptr) continue;
      has_caller = true;
      if (function == nullptr) continue;
      if (x86::CodeReader(image_.code(*caller)).calls(distance(*caller, *function))) return false;
    }
    return has_caller && (function != nullptr || wanted.always);
  }

  [[nodiscard]] bool has(abi::go_field field) const {
    return field != abi::kGoFields && known_.offset[field] != abi::kGoAbsentField;
  }

  [[nodiscard]] bool has_fields(const WantedProbe& wanted) const {
    const bool has_all = std::ranges::all_of(
        wanted.fields, [&](abi::go_field field) { return field == abi::kGoFields || has(field); });
    return has_all && (wanted.one_of[0] == abi::kGoFields ||
                       std::ranges::any_of(wanted.one_of, [&](auto field) { return has(field); }));
  }

  [[nodiscard]] static std::int64_t distance(const Function& from, const Function& to) {
    return static_cast<std::int64_t>(to.address - from.address);
  }

  [[nodiscard]] Points sites_of(const WantedProbe& wanted, const Function& function) const {
    switch (wanted.site) {
      case SiteKind::entry: return entry_of(wanted, function);
      case SiteKind::entry_behind_finish:
        return ends_requests() ? entry_of(wanted, function) : Points{};
      case SiteKind::call: return calls_of(wanted, function);
      case SiteKind::round_trip_end: return ends_of(wanted, function);
    }
    return {};
  }

  [[nodiscard]] Points entry_of(const WantedProbe& wanted, const Function& function) const {
    Points points;
    if (const auto site = find_entry_site(image_.code(function))) {
      add(points, wanted.probe, function, *site);
    }
    return points;
  }

  [[nodiscard]] Points calls_of(const WantedProbe& wanted, const Function& function) const {
    Points points;
    for (const auto name : wanted.callers) {
      const auto* caller = find(name);
      if (caller == nullptr) continue;
      for (const std::size_t site :
           find_call_sites(image_.code(*caller), distance(*caller, function))) {
        add(points, wanted.probe, *caller, site);
      }
    }
    return points;
  }

  [[nodiscard]] bool ends_requests() const {
    const auto* serve = find(kServe);
    const auto* finish = find(kFinishRequest);
    return serve != nullptr && finish != nullptr &&
           calls_method_next(image_.code(*serve), distance(*serve, *finish), kSetWriteDeadline);
  }

  [[nodiscard]] Points ends_of(const WantedProbe& wanted, const Function& function) const {
    Points points;
    const auto* callee = find(kPersistRoundTrip);
    const auto sites = find_end_sites(
        image_.code(function),
        callee == nullptr ? std::nullopt : std::optional(distance(function, *callee)));
    if (sites.answer) add(points, abi::kGoProbeRoundTripAnswer, function, *sites.answer);
    for (const std::size_t site : sites.returns) add(points, wanted.probe, function, site);
    return points.size() == sites.returns.size() + (sites.answer ? 1U : 0U) ? points : Points{};
  }

  void add(Points& points, abi::go_probe probe, const Function& function, std::size_t site) const {
    const std::uint64_t offset = function.file_offset + site;
    if (offset > file_.size() || file_.size() - offset < abi::kExpectedBytes) return;
    abi::probe_point point{};
    point.probe = probe;
    point.symbol_offset = function.file_offset;
    point.symbol_bytes = function.bytes;
    point.point_offset = offset;
    std::memcpy(point.expected, file_.subspan(offset).data(), abi::kExpectedBytes);
    points.push_back(point);
  }

  const GoImage& image_;
  std::span<const std::byte> file_;
  const abi::go_image& known_;
  std::map<std::string_view, Function> functions_;
};

// Of each probe the rows up to the first whose function is there and not inlined.
std::vector<Candidate> judge_all(const Chooser& chooser) {
  std::vector<Candidate> judged;
  const auto any = [&](abi::go_probe probe, auto verdict_is) {
    return std::ranges::any_of(judged, [&](const Candidate& earlier) {
      return earlier.wanted->probe == probe && verdict_is(earlier.verdict);
    });
  };
  const auto is_there = [&](abi::go_probe probe) {
    return any(probe, [](Verdict is) { return is == Verdict::probed || is == Verdict::left_out; });
  };
  const auto was_inlined = [&](abi::go_probe probe) {
    return any(probe, [](Verdict is) { return is == Verdict::inlined; });
  };
  for (const WantedProbe& wanted : wanted_probes()) {
    if (wanted.instead_of != abi::kGoProbeNone && !was_inlined(wanted.instead_of)) continue;
    if (wanted.unless != abi::kGoProbeNone && is_there(wanted.unless)) continue;
    if (!is_there(wanted.probe)) judged.push_back(chooser.judge(wanted));
  }
  return judged;
}

// Every probe among those that stand in for one has a point.
bool is_replaced(abi::go_probe probe, std::span<const Candidate> all) {
  std::map<abi::go_probe, bool> probed;
  for (const Candidate& candidate : all) {
    if (candidate.wanted->instead_of != probe) continue;
    // Of what was inlined itself the next ones speak.
    if (candidate.verdict == Verdict::inlined || candidate.verdict == Verdict::absent) continue;
    probed[candidate.wanted->probe] |= candidate.verdict == Verdict::probed;
  }
  return !probed.empty() &&
         std::ranges::all_of(probed, [](const auto& entry) { return entry.second; });
}

bool is_complete(ProbeGroup group, std::span<const Candidate> all) {
  std::map<abi::go_probe, bool> needed;
  for (const Candidate& candidate : all) {
    if (candidate.wanted->group != group || !candidate.wanted->needed) continue;
    needed[candidate.wanted->probe] |= candidate.verdict == Verdict::probed;
  }
  return std::ranges::all_of(
      needed, [&](const auto& entry) { return entry.second || is_replaced(entry.first, all); });
}

}  // namespace

ChosenProbes choose_probes(const GoImage& image, std::span<const std::byte> file,
                           const abi::go_image& known) {
  const Chooser chooser(image, file, known);
  const auto candidates = judge_all(chooser);
  ChosenProbes chosen;
  chosen.may_serve_tls = chooser.may_serve_tls();
  chosen.has_patterns = chooser.has_patterns();
  for (const Candidate& candidate : candidates) {
    const auto bit = bit_of(candidate.wanted->probe);
    const bool fits = chosen.points.size() + candidate.points.size() <= abi::kMaxProbePoints;
    if (candidate.verdict == Verdict::inlined) {
      chosen.inlined |= bit;
    } else if (candidate.verdict == Verdict::probed && fits &&
               is_complete(candidate.wanted->group, candidates)) {
      chosen.points.insert(chosen.points.end(), candidate.points.begin(), candidate.points.end());
      chosen.inlined &= ~bit;  // an earlier row of it
    } else if (candidate.verdict != Verdict::absent) {
      chosen.left_out |= bit;
    }
  }
  return chosen;
}

}  // namespace beyla::probes::go
