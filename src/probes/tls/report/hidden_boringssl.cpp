#include <algorithm>
#include <map>
#include <set>

#include "probes/tls/report/code_shape.h"
#include "probes/tls/report/error_site.h"
#include "probes/tls/report/hidden_library.h"

namespace beyla::probes::tls {
namespace {

using Functions = std::vector<const KnownFunction*>;
using Reasons = std::set<std::uint64_t>;

// OPENSSL_PUT_ERROR() calls ERR_put_error(library, 0, reason, file, line): openssl/err.h.
constexpr std::uint64_t kErrLibSsl = 16;
// openssl/ssl.h, likewise the same since 2014: they are not given anew.
constexpr std::uint64_t kShouldNotHaveBeenCalled = 66;
constexpr std::uint64_t kBadLength = 111;
constexpr std::uint64_t kConnectionTypeNotSet = 134;
constexpr std::uint64_t kNullSslCtx = 185;
constexpr std::uint64_t kHandshakeFailure = 215;
constexpr std::uint64_t kUninitialized = 226;
constexpr std::uint64_t kApplicationDataOnShutdown = 291;

// SSL_do_handshake(), and SSL_accept() and SSL_connect() where it was inlined.
constexpr std::size_t kMaxHandshakes = 3;
// Of the functions that shake hands: what they all call, to run it and to say what was wrong.
constexpr std::size_t kCommonCallees = 3;

constexpr std::uint16_t kThreeArguments =
    native::bit_of(native::kRdi) | native::bit_of(native::kRsi) | native::bit_of(native::kRdx);

class BoringsslFinder {
 public:
  BoringsslFinder(LibraryCode& code, std::span<const std::uint64_t> paths) : code_(code) {
    for (const Reference& reference : code.references_to(paths)) {
      Reasons& reasons = reasons_[reference.from];
      const ErrorSite site = error_site_at(*reference.from, reference.line);
      if (site.first == kErrLibSsl && site.second == 0U && site.third) {
        reasons.insert(*site.third);
      }
    }
  }

  // Whether any function says that something went wrong in it.
  [[nodiscard]] bool is_there() const {
    return std::ranges::any_of(reasons_, [](const auto& one) { return !one.second.empty(); });
  }

  [[nodiscard]] std::size_t size() const { return reasons_.size(); }

  [[nodiscard]] std::expected<HiddenFunctions, HiddenRefusal> find() {
    // ssl_read_impl(), which SSL_read(), SSL_peek() and SSL_shutdown() call.
    const auto readers = with({kUninitialized, kHandshakeFailure}, {kBadLength});
    const auto writers = with({kUninitialized, kHandshakeFailure, kBadLength}, {});
    const auto handshakes = with({kConnectionTypeNotSet}, {kUninitialized});
    if (readers.size() != 1) return std::unexpected(HiddenRefusal("hidden.boringssl_read"));
    if (writers.size() != 1) return std::unexpected(HiddenRefusal("hidden.boringssl_write"));
    const KnownFunction& reader = *readers.front();
    references_ = code_.references_to(begins());
    if (!take_handshakes(handshakes, reader, *writers.front())) {
      return std::unexpected(HiddenRefusal("hidden.boringssl_handshake"));
    }
    if (!is_function(*writers.front())) {
      return std::unexpected(HiddenRefusal("hidden.boringssl_write"));
    }
    add("SSL_write", *writers.front());
    if (!take_read(reader)) return std::unexpected(HiddenRefusal("hidden.boringssl_read"));
    take_shutdown(reader);
    if (!take_free()) return std::unexpected(HiddenRefusal("hidden.boringssl_free"));
    return found_;
  }

 private:
  [[nodiscard]] Functions with(const Reasons& wanted, const Reasons& without) const {
    Functions functions;
    for (const auto& [function, reasons] : reasons_) {
      const bool has_others = std::ranges::any_of(
          without, [&, &has = reasons](std::uint64_t reason) { return has.contains(reason); });
      if (std::ranges::includes(reasons, wanted) && !has_others) functions.push_back(function);
    }
    return functions;
  }
  [[nodiscard]] std::vector<std::uint64_t> begins() const {
    std::vector<std::uint64_t> addresses;
    for (const auto& [function, reasons] : reasons_) addresses.push_back(function->range.address);
    return addresses;
  }
  [[nodiscard]] bool is_function(const KnownFunction& function) const {
    return tls::is_function(function, references_);
  }
  void add(std::string_view name, const KnownFunction& function) {
    found_.push_back({.name = name,
                      .function = {.address = function.range.address,
                                   .bytes = function.range.bytes,
                                   .is_indirect = false}});
  }

  // Reading and writing call the same one; the others do what it does.
  [[nodiscard]] bool take_handshakes(const Functions& handshakes, const KnownFunction& reader,
                                     const KnownFunction& writer) {
    if (handshakes.empty() || handshakes.size() > kMaxHandshakes) return false;
    const auto first = std::ranges::find_if(handshakes, [&](const auto* function) {
      return reader.calls(function->range.address) && writer.calls(function->range.address);
    });
    if (first == handshakes.end()) return false;
    const auto callees = (*first)->callees();
    for (const auto* function : handshakes) {
      Reasons common;
      std::ranges::set_intersection(function->callees(), callees,
                                    std::inserter(common, common.end()));
      if (common.size() < kCommonCallees || !is_function(*function)) return false;
    }
    for (const auto* function : handshakes) add("SSL_do_handshake", *function);
    return true;
  }

  // SSL_read() is SSL_peek() that takes away what it read: it alone writes to the object. Both
  // refuse QUIC; where SSL_peek() was not inlined, SSL_read() calls it.
  [[nodiscard]] bool take_read(const KnownFunction& reader) {
    Functions takes;
    Functions looks;
    for (const auto* function : with({kShouldNotHaveBeenCalled}, {kUninitialized})) {
      const bool hands_on_object = function->calls(reader.range.address);
      if (!hands_on_object || reasons_.at(function).size() != 1) continue;
      (function->has_stores() ? takes : looks).push_back(function);
    }
    if (looks.size() > 1 || takes.size() > 1) return false;
    if (takes.empty() && looks.size() == 1) takes = taking_from(*looks.front());
    if (takes.size() != 1 || !is_function(*takes.front())) return false;
    add("SSL_read", *takes.front());
    return true;
  }
  [[nodiscard]] Functions taking_from(const KnownFunction& peek) const {
    Functions found;
    for (const Reference& reference : references_) {
      const KnownFunction& from = *reference.from;
      if (reference.target != peek.range.address || reasons_.contains(&from)) continue;
      if (hands_on(from, peek.range.address, kThreeArguments) && from.has_stores() &&
          from.range.begins_call && std::ranges::find(found, &from) == found.end()) {
        found.push_back(&from);
      }
    }
    return found;
  }

  void take_shutdown(const KnownFunction& reader) {
    const auto functions = with({kUninitialized, kApplicationDataOnShutdown}, {});
    if (functions.size() != 1) return;
    const KnownFunction& function = *functions.front();
    if (function.calls(reader.range.address) && is_function(function)) {
      add("SSL_shutdown", function);
    }
  }

  // It calls the destructor of an SSL, and gives its memory back: both of which SSL_new() does,
  // too, when it fails. The destructor calls that of the object's configuration, as SSL_new() does.
  [[nodiscard]] bool take_free() {
    const auto makers = with({kNullSslCtx}, {});
    if (makers.size() != 1) return false;
    const auto callees = makers.front()->callees();
    std::map<std::uint64_t, const KnownFunction*> destructors;
    for (const std::uint64_t callee : callees) {
      const auto* function = code_.at(callee);
      if (function != nullptr && is_destructor(*function, callees)) destructors[callee] = function;
    }
    std::vector<std::uint64_t> targets;
    for (const auto& [address, function] : destructors) {
      const auto own = function->callees();
      const bool calls_other = std::ranges::any_of(destructors, [&](const auto& other) {
        return other.first != address && own.contains(other.first);
      });
      if (calls_other) targets.push_back(address);
    }
    std::set<const KnownFunction*> right;
    for (const Reference& reference : code_.references_to(targets)) {
      if (frees(*reference.from, reference.target, callees)) right.insert(reference.from);
    }
    if (right.size() != 1) return false;
    add("SSL_free", **right.begin());
    return true;
  }
  [[nodiscard]] bool is_destructor(const KnownFunction& function,
                                   const std::set<std::uint64_t>& callees) const {
    Reasons common;
    std::ranges::set_intersection(function.callees(), callees, std::inserter(common, common.end()));
    return common.size() > 1 && function.has_indirect_call() && !reasons_.contains(&function);
  }
  [[nodiscard]] bool frees(const KnownFunction& function, std::uint64_t destructor,
                           const std::set<std::uint64_t>& callees) const {
    const auto own = function.callees();
    return !reasons_.contains(&function) && function.range.begins_call &&
           function.lines.size() <= kMaxWrapperLines && !function.has_stores() &&
           !function.has_indirect_call() && own.size() == 2 && own.contains(destructor) &&
           std::ranges::includes(callees, own) &&
           hands_on(function, destructor, native::bit_of(native::kRdi));
  }

  LibraryCode& code_;
  std::map<const KnownFunction*, Reasons> reasons_;  // of functions that name ssl_lib.cc
  std::vector<Reference> references_;
  HiddenFunctions found_;
};

}  // namespace

HiddenResult find_hidden_boringssl(LibraryCode& code, std::span<const std::uint64_t> paths) {
  BoringsslFinder finder(code, paths);
  if (!finder.is_there()) return std::nullopt;
  if (finder.size() > kMaxFunctionsOfFile) {
    return std::unexpected(HiddenRefusal("hidden.too_large"));
  }
  return finder.find();
}

}  // namespace beyla::probes::tls
