#include "protocols/calls/semantics.h"

#include "protocols/calls/head_trace_parent.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/methods.h"
#include "protocols/http1/trace_parent.h"

namespace beyla::protocols::calls {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;  // ours, as for HTTP/1
constexpr std::uint32_t kMinStatus = 100;    // net/http checkWriteHeaderCode, Go 1.17 to 1.26
constexpr std::uint32_t kMaxStatus = 999;

// A whole head may stand in it.
model::FunctionCall only_trace_parent(const model::FunctionCall& call) {
  model::FunctionCall result = call;
  result.method = {};
  result.target = {};
  result.target_cut = false;
  result.name = trace_parent_in(call);
  if (!http1::parse_trace_parent(result.name)) result.name = {};
  return result;
}

}  // namespace

std::string_view path_in(std::string_view target) {
  return http1::path_of(target).substr(0, kMaxPathBytes);
}

std::string status_text(std::uint32_t status) {
  if (status == 0) return "200";
  if (status < kMinStatus || status > kMaxStatus) return {};
  return std::to_string(status);
}

std::string_view server_in(std::string_view name) { return name.substr(name.rfind('@') + 1); }

std::string_view trace_parent_in(const model::FunctionCall& call) {
  return call.name.empty() ? trace_parent_in_head(call.target) : call.name;
}

model::FunctionCall without_secrets(const model::FunctionCall& call) {
  if (call.kind == model::CallKind::trace_parent) return only_trace_parent(call);
  model::FunctionCall result = call;
  if (call.kind != model::CallKind::route) result.target = http1::path_of(call.target);
  result.name = server_in(call.name);
  // A word that is no method may be anything. Empty is what Go writes for GET.
  if (!call.method.empty()) result.method = http1::operation_of(call.method);
  return result;
}

}  // namespace beyla::protocols::calls
