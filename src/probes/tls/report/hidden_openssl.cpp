#include <algorithm>
#include <utility>

#include "probes/tls/report/code_shape.h"
#include "probes/tls/report/hidden_library.h"
#include "probes/tls/report/openssl_free.h"
#include "probes/tls/report/openssl_marks.h"

namespace beyla::probes::tls {
namespace {

using References = std::vector<Reference>;

constexpr std::uint16_t kFourArguments =
    native::bit_of(native::kRdi) | native::bit_of(native::kRsi) | native::bit_of(native::kRdx) |
    native::bit_of(native::kRcx);
// SSL_do_handshake(), and SSL_accept() and SSL_connect() where it was inlined.
constexpr std::size_t kMaxHandshakes = 3;

struct Direction {
  Mark plain;
  Mark internal;
  std::string_view plain_name;
  std::string_view extended_name;
};
constexpr Direction kReads{kMarkRead, kMarkReadInternal, "SSL_read", "SSL_read_ex"};
constexpr Direction kWrites{kMarkWrite, kMarkWriteInternal, "SSL_write", "SSL_write_ex"};

class OpensslFinder {
 public:
  // `marks`: of this code.
  OpensslFinder(LibraryCode& code, Marks marks) : code_(code), marks_(std::move(marks)) {}

  [[nodiscard]] std::expected<HiddenFunctions, HiddenRefusal> find() {
    references_ = code_.references_to(begins());
    if (!take_transfers(kReads)) return std::unexpected(HiddenRefusal("hidden.openssl_read"));
    if (!take_transfers(kWrites)) return std::unexpected(HiddenRefusal("hidden.openssl_write"));
    if (!take_calls_of_methods(kMarkHandshake, "SSL_do_handshake", kMaxHandshakes)) {
      return std::unexpected(HiddenRefusal("hidden.openssl_handshake"));
    }
    static_cast<void>(take_calls_of_methods(kMarkShutdown, "SSL_shutdown", 1));
    const KnownFunction* free = find_openssl_free(marks_, references_);
    if (free == nullptr) return std::unexpected(HiddenRefusal("hidden.openssl_free"));
    add("SSL_free", *free);
    return found_;
  }

 private:
  [[nodiscard]] Functions with(std::uint32_t mark) const { return functions_with(marks_, mark); }
  [[nodiscard]] bool has(const Functions& functions, Mark mark) const {
    return (marks_.at(functions.front()) & mark) != 0;
  }
  [[nodiscard]] std::vector<std::uint64_t> begins() const {
    std::vector<std::uint64_t> addresses;
    for (const auto& [function, bits] : marks_) addresses.push_back(function->range.address);
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

  [[nodiscard]] Functions unmarked(const References& references, std::uint64_t target) const {
    return unmarked_callers(marks_, references, target);
  }

  // Hands its arguments on to one function and makes what comes back one or zero.
  [[nodiscard]] bool is_wrapper(const KnownFunction& function, std::uint64_t target) const {
    return function.range.begins_call && function.lines.size() <= kMaxWrapperLines &&
           !function.has_stores() && count_of_calls(function) == 1 && function.calls(target);
  }

  // SSL_read() and SSL_read_ex(), which both call ssl_read_internal(), and the same of writing.
  // Any may be missing: linkers drop what nobody calls.
  [[nodiscard]] bool take_transfers(const Direction& direction) {
    const std::size_t before = found_.size();
    const auto plain = with(direction.plain);
    if (plain.size() > 1) return false;
    auto inner = with(direction.internal);
    std::erase_if(inner, [&](const auto* function) {
      return (marks_.at(function) & (direction.plain | kMarkEarlyData)) != 0;
    });
    if (!std::ranges::all_of(inner, [&](const auto* one) { return is_function(*one); })) {
      return false;
    }
    const bool is_inlined = inner.size() != 1 || (!plain.empty() && has(plain, direction.internal));
    const bool is_right = is_inlined ? take_inlined(direction, inner, plain)
                                     : take_around(direction, *inner.front(), plain);
    return is_right && found_.size() > before;
  }

  // What they call was inlined, and may be there once more: it has SSL_read_ex()'s arguments, and
  // its results as far as we look at them. So both are taken, since none of them calls the other.
  [[nodiscard]] bool take_inlined(const Direction& direction, Functions inner,
                                  const Functions& plain) {
    std::erase_if(inner, [](const auto* one) { return reads_argument(*one, native::kR8); });
    if (inner.size() > 2 || (inner.empty() && plain.empty())) return false;
    for (const Reference& reference : references_) {
      const auto known = marks_.find(reference.from);
      const bool is_one_of_them =
          known != marks_.end() && (known->second & (direction.plain | direction.internal)) != 0;
      const bool is_nested = std::ranges::any_of(inner, [&](const auto* one) {
        return one != reference.from && one->range.address == reference.target;
      });
      if (is_one_of_them && is_nested && (known->second & kMarkEarlyData) == 0) return false;
    }
    if (!plain.empty() && (!is_function(*plain.front()) || !has(plain, direction.internal))) {
      return false;
    }
    if (!plain.empty()) add(direction.plain_name, *plain.front());
    for (const auto* function : inner) add(direction.extended_name, *function);
    return true;
  }

  [[nodiscard]] bool take_around(const Direction& direction, const KnownFunction& internal,
                                 const Functions& plain) {
    const std::uint64_t target = internal.range.address;
    if (!plain.empty()) {
      if (!is_function(*plain.front()) || !plain.front()->calls(target)) return false;
      add(direction.plain_name, *plain.front());
    }
    // Nobody but the library itself may call it: the functions that we look for, and that of a BIO
    // (ssl/bio_ssl.c), which does more than to hand its arguments on.
    auto others = unmarked(references_, target);
    const auto of_bio =
        std::erase_if(others, [&](const auto* other) { return !is_wrapper(*other, target); });
    if (of_bio > 1) return false;
    // From OpenSSL 3.3 on ssl_write_internal() has flags, as has SSL_write_ex2().
    if (reads_argument(internal, native::kR8)) {
      others = without_flags(std::move(others), target);
    } else if (!std::ranges::all_of(others, [&](const auto* other) {
                 return hands_on(*other, target, kFourArguments);
               })) {
      return false;
    }
    if (others.size() > 1) return false;
    if (!others.empty()) add(direction.extended_name, *others.front());
    return true;
  }

  // Of those around ssl_write_internal(), SSL_write_ex(): it moves its last argument behind flags
  // that are zero. It may call SSL_write_ex2() for that.
  [[nodiscard]] Functions without_flags(Functions callers, std::uint64_t target) {
    std::vector<std::uint64_t> next;
    for (const auto* caller : callers) {
      if (hands_on(*caller, target, kFourArguments | native::bit_of(native::kR8))) {
        next.push_back(caller->range.address);
      }
    }
    const auto references = code_.references_to(next);
    for (const std::uint64_t address : next) {
      std::erase_if(callers, [&](const auto* one) { return one->range.address == address; });
      for (const auto* outer : unmarked(references, address)) {
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

  LibraryCode& code_;
  Marks marks_;
  References references_;
  HiddenFunctions found_;
};

}  // namespace

HiddenResult find_hidden_openssl(LibraryCode& code, std::span<const std::uint64_t> paths) {
  auto marks = find_openssl_marks(code, paths);
  const bool is_there =
      std::ranges::any_of(marks, [](const auto& one) { return (one.second & kMarkRaises) != 0; });
  if (!is_there) return std::nullopt;
  if (marks.size() > kMaxFunctionsOfFile) return std::unexpected(HiddenRefusal("hidden.too_large"));
  return OpensslFinder(code, std::move(marks)).find();
}

}  // namespace beyla::probes::tls
