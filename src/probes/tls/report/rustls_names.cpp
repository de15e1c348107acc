#include "probes/tls/report/rustls_names.h"

namespace beyla::probes::tls {
namespace {

// The crate of the trait is rustls in both; `N` is the length of what follows in v0.
struct Mangling {
  std::string_view begins;
  std::string_view crate;
  std::string_view seal;
  std::string_view open;
};
constexpr Mangling kLegacy{"_ZN", "rustls..", "MessageEncrypter$GT$7encrypt17h",
                           "MessageDecrypter$GT$7decrypt17h"};
constexpr Mangling kV0{"_R", "6rustls", "16MessageEncrypter7encrypt", "16MessageDecrypter7decrypt"};

std::optional<RustlsFunction> function_of(std::string_view name, const Mangling& mangling) {
  if (!name.starts_with(mangling.begins) || !name.contains(mangling.crate)) return std::nullopt;
  if (name.contains("InvalidMessage")) return std::nullopt;
  if (name.contains(mangling.seal)) return RustlsFunction::seal;
  if (!name.contains(mangling.open)) return std::nullopt;
  const bool is_12 = name.contains("tls12") || name.contains("Tls12");
  const bool is_13 = name.contains("tls13") || name.contains("Tls13");
  if (is_12 == is_13) return std::nullopt;
  return is_13 ? RustlsFunction::open13 : RustlsFunction::open12;
}

}  // namespace

std::optional<RustlsFunction> rustls_function_of(std::string_view name) {
  const auto legacy = function_of(name, kLegacy);
  return legacy ? legacy : function_of(name, kV0);
}

}  // namespace beyla::probes::tls
