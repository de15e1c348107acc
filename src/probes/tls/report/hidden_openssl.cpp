#include <algorithm>

#include "probes/tls/report/code_shape.h"
#include "probes/tls/report/hidden_library.h"
#include "probes/tls/report/openssl_marks.h"

namespace beyla::probes::tls {
namespace {

using Found = std::expected<const KnownFunction*, HiddenRefusal>;
using References = std::vector<Reference>;

constexpr std::uint16_t kFourArguments =
    native::bit_of(native::kRdi) | native::bit_of(native::kRsi) | native::bit_of(native::kRdx) |
    native::bit_of(native::kRcx);
// SSL_do_handshake(), and SSL_accept() and SSL_connect() where it was inlined.
constexpr std::size_t kMaxHandshakes = 3;

class OpensslFinder {
 public:
  OpensslFinder(LibraryCode& code, std::span<const std::uint64_t> paths)
      : code_(code), marks_(find_openssl_marks(code, paths)) {}

  [[nodiscard]] std::expected<HiddenFunctions, HiddenRefusal> find() {
    const auto internal_read = only_one(kMarkReadInternal, "hidden.openssl_read");
    const auto internal_write = only_one(kMarkWriteInternal, "hidden.openssl_write");
    if (!internal_read) return std::unexpected(internal_read.error());
    if (!internal_write) return std::unexpected(internal_write.error());
    references_ = code_.references_to(begins());
    if (const auto refusal = take_reads(**internal_read); !refusal.empty()) {
      return std::unexpected(refusal);
    }
    if (const auto refusal = take_writes(**internal_write); !refusal.empty()) {
      return std::unexpected(refusal);
    }
    if (!take_calls_of_methods(kMarkHandshake, "SSL_do_handshake", kMaxHandshakes)) {
      return std::unexpected(HiddenRefusal("hidden.openssl_handshake"));
    }
    static_cast<void>(take_calls_of_methods(kMarkShutdown, "SSL_shutdown", 1));
    if (!take_free()) return std::unexpected(HiddenRefusal("hidden.openssl_free"));
    return found_;
  }

 private:
  [[nodiscard]] std::vector<const KnownFunction*> with(std::uint32_t mark) const {
    std::vector<const KnownFunction*> functions;
    for (const auto& [function, bits] : marks_) {
      if ((bits & mark) != 0) functions.push_back(function);
    }
    return functions;
  }
  [[nodiscard]] Found only_one(std::uint32_t mark, HiddenRefusal refusal) const {
    const auto functions = with(mark);
    if (functions.size() != 1) return std::unexpected(refusal);
    return functions.front();
  }
  [[nodiscard]] std::vector<std::uint64_t> begins() const {
    std::vector<std::uint64_t> addresses;
    constexpr std::uint32_t kAll = ~std::uint32_t{kMarkOfFile};
    for (const auto* function : with(kAll)) addresses.push_back(function->range.address);
    return addresses;
  }

  // Nobody enters it by a branch, as cold parts of functions are entered.
  [[nodiscard]] bool is_function(const KnownFunction& function) const {
    return function.range.begins_call &&
           std::ranges::none_of(references_, [&](const Reference& reference) {
             return reference.target == function.range.address && reference.from != &function &&
                    reference.from->lines[reference.line].flow == x86::Flow::branch;
           });
  }
  void add(std::string_view name, const KnownFunction& function) {
    found_.push_back({.name = name,
                      .function = {.address = function.range.address,
                                   .bytes = function.range.bytes,
                                   .is_indirect = false}});
  }

  // Those that refer to it and do not name ssl_lib.c, each once.
  [[nodiscard]] static std::vector<const KnownFunction*> unmarked(const References& references,
                                                                  const Marks& marks,
                                                                  std::uint64_t target) {
    std::vector<const KnownFunction*> functions;
    for (const Reference& reference : references) {
      if (reference.target == target && !marks.contains(reference.from) &&
          std::ranges::find(functions, reference.from) == functions.end()) {
        functions.push_back(reference.from);
      }
    }
    return functions;
  }

  // Hands its arguments on to one function and makes what comes back one or zero.
  [[nodiscard]] bool is_wrapper(const KnownFunction& function, std::uint64_t target) const {
    return function.range.begins_call && function.lines.size() <= kMaxWrapperLines &&
           !function.has_stores() && count_of_calls(function) == 1 && function.calls(target);
  }

  // The one that is marked, if it is there: the linker drops what nobody calls.
  [[nodiscard]] HiddenRefusal take_marked(Mark mark, std::string_view name,
                                          const KnownFunction& internal, HiddenRefusal refusal) {
    const auto marked = with(mark);
    if (marked.empty()) return {};
    const KnownFunction& function = *marked.front();
    if (marked.size() > 1 || &function == &internal || !is_function(function) ||
        !function.calls(internal.range.address)) {
      return refusal;
    }
    add(name, function);
    return {};
  }

  [[nodiscard]] HiddenRefusal take_reads(const KnownFunction& internal) {
    constexpr HiddenRefusal kRefusal = "hidden.openssl_read";
    if (!is_function(internal)) return kRefusal;
    if (!take_marked(kMarkRead, "SSL_read", internal, kRefusal).empty()) return kRefusal;
    const std::uint64_t target = internal.range.address;
    // Nobody but the library itself may call it.
    const auto others = unmarked(references_, marks_, target);
    if (others.size() > 1) return kRefusal;
    if (!others.empty()) {
      if (!is_wrapper(*others.front(), target) ||
          !hands_on(*others.front(), target, kFourArguments)) {
        return kRefusal;
      }
      add("SSL_read_ex", *others.front());
    }
    return found_.empty() ? kRefusal : HiddenRefusal();
  }

  [[nodiscard]] HiddenRefusal take_writes(const KnownFunction& internal) {
    constexpr HiddenRefusal kRefusal = "hidden.openssl_write";
    const std::size_t before = found_.size();
    if (!is_function(internal)) return kRefusal;
    if (!take_marked(kMarkWrite, "SSL_write", internal, kRefusal).empty()) return kRefusal;
    const std::uint64_t target = internal.range.address;
    auto others = unmarked(references_, marks_, target);
    const bool are_wrappers =
        std::ranges::all_of(others, [&](const auto* other) { return is_wrapper(*other, target); });
    if (!are_wrappers) return kRefusal;
    // From OpenSSL 3.3 on it has flags before its last argument, as has SSL_write_ex2().
    if (reads_argument(internal, native::kR8)) {
      others = without_flags(std::move(others), target);
    } else if (!others.empty() && !hands_on(*others.front(), target, kFourArguments)) {
      return kRefusal;
    }
    if (others.size() > 1) return kRefusal;
    if (!others.empty()) add("SSL_write_ex", *others.front());
    return found_.size() == before ? kRefusal : HiddenRefusal();
  }

  // Of those around ssl_write_internal(), SSL_write_ex(): it moves its last argument behind flags
  // that are zero. It may call SSL_write_ex2() for that.
  [[nodiscard]] std::vector<const KnownFunction*> without_flags(
      std::vector<const KnownFunction*> callers, std::uint64_t target) {
    std::vector<std::uint64_t> next;
    for (const auto* caller : callers) {
      if (hands_on(*caller, target, kFourArguments | native::bit_of(native::kR8))) {
        next.push_back(caller->range.address);
      }
    }
    const auto references = code_.references_to(next);
    for (const std::uint64_t address : next) {
      std::erase_if(callers, [&](const auto* one) { return one->range.address == address; });
      for (const auto* outer : unmarked(references, marks_, address)) {
        if (is_wrapper(*outer, address) && adds_flags(*outer, address)) callers.push_back(outer);
      }
    }
    std::erase_if(callers, [&](const auto* caller) {
      return !std::ranges::any_of(caller->callees(),
                                  [&](auto callee) { return adds_flags(*caller, callee); });
    });
    return callers;
  }
  [[nodiscard]] static bool adds_flags(const KnownFunction& function, std::uint64_t target) {
    constexpr auto kKept =
        static_cast<std::uint16_t>(kFourArguments ^ native::bit_of(native::kRcx));
    return hands_on(function, target, kKept) && function.sets(native::kRcx, 0) &&
           reads_argument(function, native::kRcx);
  }

  // Each goes on by a pointer of the object's, or of its method's.
  [[nodiscard]] bool take_calls_of_methods(Mark mark, std::string_view name, std::size_t limit) {
    const auto functions = with(mark);
    if (functions.empty() || functions.size() > limit) return false;
    const bool are_right = std::ranges::all_of(functions, [&](const auto* function) {
      return is_function(*function) && function->has_indirect_call();
    });
    if (!are_right) return false;
    for (const auto* function : functions) add(name, *function);
    return true;
  }

  // It counts an object down and frees the SSL_CTX, which counts down, too; whoever makes an SSL
  // and fails calls it.
  [[nodiscard]] bool take_free() {
    std::vector<const KnownFunction*> right;
    const auto counting = with(kMarkDecrements);
    for (const auto* function : counting) {
      const bool frees_other = std::ranges::any_of(counting, [&](const auto* other) {
        return other != function && function->calls(other->range.address) &&
               !other->calls(function->range.address);
      });
      const bool is_called = std::ranges::any_of(with(kMarkCreate), [&](const auto* maker) {
        return maker->calls(function->range.address);
      });
      if (frees_other && is_called && is_function(*function)) right.push_back(function);
    }
    if (right.size() != 1) return false;
    add("SSL_free", *right.front());
    return true;
  }

  LibraryCode& code_;
  Marks marks_;
  References references_;
  HiddenFunctions found_;
};

}  // namespace

std::expected<HiddenFunctions, HiddenRefusal> find_hidden_openssl(
    LibraryCode& code, std::span<const std::uint64_t> paths) {
  return OpensslFinder(code, paths).find();
}

}  // namespace beyla::probes::tls
