// Decides on every process that the kernel proposes: select it under a service name, or reject it.
// Control thread only.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "base/line_budget.h"
#include "discover/inspect/process_inspector.h"
#include "discover/select/service_namer.h"
#include "model/target.h"

namespace beyla::discover {

struct DiscoveryCounts {
  base::Counter selected;
  base::Counter ended;
  // The name that the kernel gave did not match, and
  base::Counter skipped_process_gone;   // it had ended before /proc was read
  base::Counter skipped_not_permitted;  // /proc may not be read
};

class Discovery {
 public:
  Discovery(SelectionRules rules, inspect::ProcessInspector inspector, model::TargetMap& map,
            model::TargetSink& sink, DiscoveryCounts& counts);

  void on_started(const model::ProcessStarted& process);
  void on_exited(const model::ProcessKey& key, base::BootTime time);
  // Call when a batch of events is done: older sockets of new targets are marked in one walk.
  void finish_batch();

 private:
  using Facts = std::expected<inspect::ProcessFacts, inspect::NoFacts>;
  void decide(const model::ProcessStarted& process, const Facts& facts);
  void reject(const model::ProcessStarted& process);

  SelectionRules rules_;
  ServiceNamer namer_;
  inspect::ProcessInspector inspector_;
  model::TargetMap& map_;
  model::TargetSink& sink_;
  DiscoveryCounts& counts_;
  std::unordered_map<model::ProcessKey, std::string, model::ProcessKeyHash> targets_;
  bool marks_wanted_ = false;
  base::LineBudget selected_lines_;
  base::LineBudget ended_lines_;
  // Proposed under another name than /proc shows, and what that shows. Decided at the record of
  // their end, else at the end of the batch.
  std::vector<std::pair<model::ProcessStarted, Facts>> doubtful_;
};

}  // namespace beyla::discover
