#include "probes/loader/go_programs.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "probes/loader/uprobe_multi.h"

namespace beyla::probes::loader {
namespace {

constexpr std::array<std::string_view, 2> kTlsPrograms = {"tls_call", "rustls_call"};
constexpr std::string_view kSection = "uprobe.multi";  // libbpf before 1.3 does not know it

struct Row {
  abi::go_probe probe;
  const char* program;
  std::uint32_t variant = 0;
};

// The two HTTP/2 implementations differ in the places of fields only.
constexpr std::array kRows = {
    Row{abi::kGoProbeFinishRequest, "go_finish_request"},
    Row{abi::kGoProbeHttp2Run, "go_http2_run"},
    Row{abi::kGoProbeHttp2Done, "go_http2_done"},
    Row{abi::kGoProbeHttp2Panic, "go_http2_panic"},
    Row{abi::kGoProbeXnetRun, "go_http2_run", abi::kGoVariantXnet},
    Row{abi::kGoProbeXnetDone, "go_http2_done", abi::kGoVariantXnet},
    Row{abi::kGoProbeXnetPanic, "go_http2_panic", abi::kGoVariantXnet},
    Row{abi::kGoProbeGrpcHandle, "go_grpc_handle"},
    Row{abi::kGoProbeGrpcStatus, "go_grpc_status"},
    Row{abi::kGoProbeGrpcHandlerStatus, "go_grpc_handler_status"},
    Row{abi::kGoProbeRoundTrip, "go_round_trip"},
    Row{abi::kGoProbePersistRoundTrip, "go_persist_round_trip"},
    Row{abi::kGoProbeRoundTripEnd, "go_round_trip_end"},
    Row{abi::kGoProbeGrpcAttempt, "go_grpc_attempt"},
    Row{abi::kGoProbeGrpcRetry, "go_grpc_retry"},
    Row{abi::kGoProbeGrpcFinish, "go_grpc_finish"},
    Row{abi::kGoProbeGinHandle, "go_gin_handle"},
    Row{abi::kGoProbeEchoFind, "go_echo_find"},
    Row{abi::kGoProbeMuxSetMatch, "go_mux_set_match"},
    Row{abi::kGoProbeMuxSetMatchPointer, "go_mux_set_match_pointer"},
    Row{abi::kGoProbePanic, "go_panic"},
    Row{abi::kGoProbeHijack, "go_hijack"},
    Row{abi::kGoProbeRoundTripAnswer, "go_round_trip_answer"},
    Row{abi::kGoProbeServeMux, "go_serve_mux"},
    Row{abi::kGoProbeHttp2Headers, "go_http2_headers"},
    Row{abi::kGoProbeXnetHeaders, "go_http2_headers", abi::kGoVariantXnet},
    Row{abi::kGoProbeGrpcHeaders, "go_grpc_headers", abi::kGoVariantXnet},
    Row{abi::kGoProbeWriteHeader, "go_write_header"},
    Row{abi::kGoProbeHttp2WriteHeader, "go_write_header"},
    Row{abi::kGoProbeTlsDone, "go_tls_done"},
    Row{abi::kGoProbeHttp1NoBody, "go_http1_no_body"},
    Row{abi::kGoProbeHttp1Body, "go_http1_body"},
    Row{abi::kGoProbeHttp1Abort, "go_http1_abort"},
    Row{abi::kGoProbeHttp2Flush, "go_http2_flush"},
    Row{abi::kGoProbeXnetFlush, "go_http2_flush", abi::kGoVariantXnet},
};
static_assert(kRows.size() + 2 == abi::kGoProbes);  // kGoProbeNone, kGoProbeServeHttp

}  // namespace

void prepare_uprobe_programs(bpf_object& object, bool go_wanted, bool tls_wanted) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, &object) {
    if (bpf_program__section_name(program) != kSection) continue;
    bpf_program__set_type(program, BPF_PROG_TYPE_KPROBE);
    bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(kTraceUprobeMulti));
    const bool is_tls =
        std::ranges::find(kTlsPrograms, bpf_program__name(program)) != kTlsPrograms.end();
    bpf_program__set_autoload(program, is_tls ? tls_wanted : go_wanted);
    bpf_program__set_autoattach(program, false);
  }
}

base::Result<std::bitset<abi::kGoProbes>> connect_go_programs(bpf_object& object) {
  const int table = bpf_object__find_map_fd_by_name(&object, "go_programs");
  std::bitset<abi::kGoProbes> connected;
  connected.set(abi::kGoProbeServeHttp);  // in the dispatcher itself
  for (const Row& row : kRows) {
    const bpf_program* const program = bpf_object__find_program_by_name(&object, row.program);
    if (program == nullptr) continue;
    const std::uint32_t probe = row.probe;
    const int fd = bpf_program__fd(program);
    if (const int error = bpf_map_update_elem(table, &probe, &fd, BPF_ANY); error != 0) {
      return base::fail_errno(-error, std::string("cannot connect program ") + row.program);
    }
    connected.set(probe);
  }
  return connected;
}

std::uint32_t variant_of(std::uint32_t probe) {
  const auto row = std::ranges::find(kRows, probe, &Row::probe);
  return row == kRows.end() ? 0 : row->variant;
}

}  // namespace beyla::probes::loader
