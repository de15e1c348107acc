#include "probes/tls/report/openssl_free.h"

#include <algorithm>
#include <vector>

#include "probes/tls/report/code_shape.h"

namespace beyla::probes::tls {
namespace {

// A function that counts an object down, and where it goes on at zero: itself, or a part that the
// compiler made of it, to which it jumps.
struct Freeing {
  const KnownFunction* entry = nullptr;
  const KnownFunction* body = nullptr;

  [[nodiscard]] bool is_called_by(const KnownFunction& caller) const {
    return caller.calls(entry->range.address) || caller.calls(body->range.address);
  }
};

// It counts down and hands the object on, if at all.
bool counts_down_before(const KnownFunction& entry, const KnownFunction& body) {
  return entry.lines.size() <= kMaxWrapperLines && count_of_calls(entry) == 1 &&
         hands_on(entry, body.range.address, native::bit_of(native::kRdi)) &&
         std::ranges::any_of(entry.lines, &native::CodeLine::decrements);
}

std::vector<Freeing> all_freeing(const Marks& marks, std::span<const Reference> references) {
  std::vector<Freeing> found;
  for (const auto& [body, bits] : marks) {
    if ((bits & kMarkDecrements) != 0 && (bits & kMarkCreate) == 0) found.push_back({body, body});
    for (const auto* entry : unmarked_callers(marks, references, body->range.address)) {
      if (counts_down_before(*entry, *body)) found.push_back({entry, body});
    }
  }
  return found;
}

}  // namespace

// It frees the SSL_CTX, which is counted down, too; whoever makes an SSL and fails calls it.
const KnownFunction* find_openssl_free(const Marks& marks, std::span<const Reference> references) {
  std::vector<Freeing> right;
  const auto all = all_freeing(marks, references);
  const auto makers = functions_with(marks, kMarkCreate);
  for (const Freeing& one : all) {
    const bool frees_other = std::ranges::any_of(all, [&](const Freeing& other) {
      return other.entry != one.entry && other.is_called_by(*one.body) &&
             !one.is_called_by(*other.body);
    });
    const bool is_called =
        std::ranges::any_of(makers, [&](const auto* maker) { return one.is_called_by(*maker); });
    if (frees_other && is_called && is_function(*one.entry, references)) right.push_back(one);
  }
  // A part that was made of a function is no function, even if it counts the SSL_CTX down.
  Functions parts;
  for (const Freeing& one : right) {
    if (one.entry != one.body) parts.push_back(one.body);
  }
  std::erase_if(right, [&](const Freeing& one) {
    return std::ranges::find(parts, one.entry) != parts.end();
  });
  return right.size() == 1 ? right.front().entry : nullptr;
}

}  // namespace beyla::probes::tls
