// What a selected process is called, and whether its executable matches. Pure; one thread.
#pragma once

#include <string>
#include <string_view>

namespace beyla::discover {

struct SelectionRules {
  std::string executable_name;  // substring of the resolved path; empty: any
  std::string service_name;     // the agent's own OTEL_SERVICE_NAME; empty: none

  [[nodiscard]] bool matches(std::string_view executable_path) const {
    return executable_path.find(executable_name) != std::string_view::npos;
  }
};

// Ask in the order in which processes are selected: the agent's own name goes to the first
// executable.
class ServiceNamer {
 public:
  explicit ServiceNamer(std::string agents_own_name)
      : agents_own_name_(std::move(agents_own_name)) {}

  // own_name: OTEL_SERVICE_NAME of the process itself, maybe empty. kernel_name: for a process
  // whose path says nothing.
  [[nodiscard]] std::string name(std::string_view executable_path, std::string_view own_name,
                                 std::string_view kernel_name);

 private:
  std::string agents_own_name_;
  std::string first_executable_;
};

}  // namespace beyla::discover
