#include "probes/tls/report/openssl_marks.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "probes/elf/text_search.h"
#include "probes/tls/report/error_site.h"

namespace beyla::probes::tls {
namespace {

constexpr std::uint64_t kErrLibSsl = 20;  // ERR_LIB_SSL, openssl/err.h of 1.1 to 4.0

struct NamedMark {
  std::string_view name;  // __func__ in ERR_raise(), ssl/ssl_lib.c of OpenSSL 3.0 to 4.0
  std::uint64_t code;     // SSL_F_..., openssl/sslerr.h of OpenSSL 1.1.1; 0: none
  std::uint64_t reason;   // SSL_R_..., openssl/sslerr.h of both; 0: any
  Mark mark;
};
constexpr std::array kNamedMarks = {
    NamedMark{"SSL_read", 223, 271, kMarkRead},                   // BAD_LENGTH
    NamedMark{"ssl_read_internal", 523, 276, kMarkReadInternal},  // UNINITIALIZED
    NamedMark{"SSL_write", 208, 271, kMarkWrite},
    NamedMark{"ssl_write_internal", 524, 276, kMarkWriteInternal},
    NamedMark{"SSL_do_handshake", 180, 144, kMarkHandshake},  // CONNECTION_TYPE_NOT_SET
    NamedMark{"SSL_shutdown", 224, 276, kMarkShutdown},
    NamedMark{"SSL_read_early_data", 529, 0, kMarkEarlyData},
    NamedMark{"SSL_write_early_data", 526, 0, kMarkEarlyData},
    NamedMark{"SSL_new", 186, 0, kMarkCreate},
    NamedMark{"ossl_ssl_connection_new_int", 0, 0, kMarkCreate},  // from 3.2 on
};

void mark_files(LibraryCode& code, std::span<const std::uint64_t> paths, Marks& marks) {
  for (const Reference& reference : code.references_to(paths)) {
    marks[reference.from] |= kMarkOfFile;
    const ErrorSite site = error_site_at(*reference.from, reference.line);
    if (site.first != kErrLibSsl) continue;
    for (const NamedMark& named : kNamedMarks) {
      if (named.code == 0 || site.second != named.code) continue;
      if (named.reason == 0 || site.third == named.reason) marks[reference.from] |= named.mark;
    }
  }
  for (auto& [function, bits] : marks) {
    if (function->sets(native::kRdi, kErrLibSsl)) bits |= kMarkRaises;
    if (std::ranges::any_of(function->lines, &native::CodeLine::decrements)) {
      bits |= kMarkDecrements;
    }
  }
}

// ERR_raise() calls ERR_set_debug(file, line, name) and ERR_set_error(library, reason, NULL).
void mark_names(LibraryCode& code, Marks& marks) {
  std::map<std::uint64_t, const NamedMark*> places;
  std::vector<std::uint64_t> targets;
  for (const NamedMark& named : kNamedMarks) {
    for (const std::uint64_t place : elf::find_text(code.elf(), named.name)) {
      places[place] = &named;
      targets.push_back(place);
    }
  }
  for (const Reference& reference : code.references_to(targets)) {
    const NamedMark& named = *places.at(reference.target);
    const auto known = marks.find(reference.from);
    if (known == marks.end()) continue;  // something else that says so
    const bool is_raised = reference.from->sets(native::kRdi, kErrLibSsl) &&
                           (named.reason == 0 || reference.from->sets(native::kRsi, named.reason));
    if (is_raised) known->second |= named.mark;
  }
}

}  // namespace

Marks find_openssl_marks(LibraryCode& code, std::span<const std::uint64_t> paths) {
  Marks marks;
  mark_files(code, paths, marks);
  mark_names(code, marks);
  return marks;
}

Functions functions_with(const Marks& marks, std::uint32_t mark) {
  Functions functions;
  for (const auto& [function, bits] : marks) {
    if ((bits & mark) != 0) functions.push_back(function);
  }
  return functions;
}

Functions unmarked_callers(const Marks& marks, std::span<const Reference> references,
                           std::uint64_t target) {
  Functions functions;
  for (const Reference& reference : references) {
    if (reference.target == target && !marks.contains(reference.from) &&
        std::ranges::find(functions, reference.from) == functions.end()) {
      functions.push_back(reference.from);
    }
  }
  return functions;
}

}  // namespace beyla::probes::tls
