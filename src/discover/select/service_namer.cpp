#include "discover/select/service_namer.h"

namespace beyla::discover {
namespace {

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string ServiceNamer::name(std::string_view executable_path, std::string_view own_name,
                               std::string_view kernel_name) {
  if (!own_name.empty()) return std::string(own_name);
  if (first_executable_.empty()) first_executable_ = executable_path;
  if (!agents_own_name_.empty() && executable_path == first_executable_) return agents_own_name_;
  const std::string_view name = base_name(executable_path);
  return name.empty() ? "unknown_service:" + std::string(kernel_name) : std::string(name);
}

}  // namespace beyla::discover
