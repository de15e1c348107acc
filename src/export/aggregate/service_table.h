// Which services still have a process, and when those without one may be forgotten. A service is
// kept while it has a process or a series, so the table is no larger than the two together.
// No clock inside: times are those of the events. The shard's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "model/process.h"

namespace beyla::exporters::aggregate {

struct ServiceState {
  std::string name;
  std::size_t processes = 0;   // alive
  std::size_t series = 0;      // kept by the caller
  base::BootTime last_seen{};  // end of its last process, or of its last span if that was later
};

class ServiceTable {
 public:
  // Reached only if ends of processes were lost: those beyond count as dead from the start.
  static constexpr std::size_t kMaxProcesses = 65'536;

  explicit ServiceTable(std::chrono::nanoseconds ttl) : ttl_(ttl) {}

  void process_started(const model::ProcessKey& key, std::string_view service, base::BootTime time);
  // Does nothing for a process that is not known.
  void process_ended(const model::ProcessKey& key, base::BootTime time);
  // An image of this pid other than `key` is gone: it called exec, or the pid has been reused.
  void others_ended(const model::ProcessKey& key, base::BootTime time);

  // The service that opens a series now. Stays where it is until forget_over().
  [[nodiscard]] ServiceState& open(std::string_view name, base::BootTime time);

  [[nodiscard]] bool is_over(const ServiceState& service, base::BootTime now) const {
    return service.processes == 0 && now - service.last_seen >= ttl_;
  }
  // REQUIRES: the series of services that are over are gone.
  void forget_over(base::BootTime now);
  // No service is over before; the first may be over later than that. nullopt: none is to come.
  [[nodiscard]] std::optional<base::BootTime> next_due() const { return next_due_; }
  [[nodiscard]] std::size_t size() const { return services_.size(); }

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  using Services = std::unordered_map<std::string, ServiceState, NameHash, std::equal_to<>>;
  struct Process {
    model::ProcessKey key;
    ServiceState* service = nullptr;
  };

  [[nodiscard]] ServiceState& find_or_add(std::string_view name);
  void end(std::unordered_map<std::uint32_t, Process>::iterator process, base::BootTime time);
  void note_due(const ServiceState& service);

  const std::chrono::nanoseconds ttl_;
  Services services_;
  std::unordered_map<std::uint32_t, Process> process_by_pid_;
  std::optional<base::BootTime> next_due_;
};

}  // namespace beyla::exporters::aggregate
