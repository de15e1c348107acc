#include "agent/elf_worker/worker.h"

#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <span>
#include <utility>

#include "probes/go/report/binary_report.h"
#include "probes/go/report/file_view.h"
#include "probes/tls/report/rustls_report.h"
#include "probes/tls/report/tls_report.h"

namespace beyla::agent::elf_worker {
namespace {

constexpr int kExitNoAnswer = 1;
constexpr int kExitBadRequest = 2;

// A Go program that holds a TLS library, too (cgo), is a Go program: its own TLS is not that one.
abi::binary_report report_of(std::span<const std::byte> file) {
  auto report = probes::go::make_binary_report(file);
  if (report.kind == abi::kBinaryGo) return report;
  if (const auto tls = probes::tls::make_tls_report(file)) return *tls;
  return probes::tls::make_rustls_report(file).value_or(report);
}

abi::binary_report report_of(const base::Fd& file) {
  try {
    const auto view = probes::go::FileView::make(file.get());
    if (view) return report_of(view->bytes());
    const bool no_room = view.error().os_errno == ENOMEM;
    return probes::go::make_refusal_report(no_room ? "no_memory" : "unreadable");
  } catch (const std::bad_alloc&) {
    return probes::go::make_refusal_report("no_memory");
  }
}

bool send_report(const base::Fd& channel, const abi::binary_report& report) {
  const auto bytes = std::as_bytes(std::span(&report, 1));
  while (::send(channel.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace

int elf_worker_main(base::Fd channel, std::vector<base::Fd> files) {
  const std::vector<base::Fd> owned = std::move(files);
  if (owned.size() != 1) return kExitBadRequest;
  return send_report(channel, report_of(owned.front())) ? 0 : kExitNoAnswer;
}

}  // namespace beyla::agent::elf_worker
