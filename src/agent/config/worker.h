// The configuration worker: the only process that parses YAML. A child without privileges, forked
// for one load; it inherits the environment of the agent.
#pragma once

#include <vector>

#include "agent/config/environment.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::config {

// In: one config_request on the channel, and the file in files[0] if the request says so; only that
// descriptor is read, nothing is opened. Out: one config_answer. Its exit status: 0 where it has
// answered, a refusal included; 1 where it could not (the broker is gone, no memory); 2 where it
// was not asked properly. Nothing limits its time or memory here: who forks it does.
[[nodiscard]] int config_worker_main(base::Fd channel, std::vector<base::Fd> files);

// The same with an environment that is given.
[[nodiscard]] int run_config_worker(const base::Fd& channel, const std::vector<base::Fd>& files,
                                    Environment environment);

}  // namespace beyla::agent::config
