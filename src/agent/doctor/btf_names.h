// Names in the kernel's type information that tell what the kernel can do. BTF is readable by
// everybody, so they answer also where bpf(2) may not be asked.
#pragma once

#include <array>
#include <string_view>

namespace beyla::agent::doctor {

// Each tracepoint leaves a typedef btf_trace_NAME (include/trace/bpf_probe.h).
constexpr std::string_view kSendLength = "btf_trace_sock_send_length";  // since Linux 6.3
constexpr std::string_view kReceiveLength = "btf_trace_sock_recv_length";
constexpr std::string_view kSocketState = "btf_trace_inet_sock_set_state";
constexpr std::string_view kDataReady = "btf_trace_sk_data_ready";
constexpr std::string_view kProcessExec = "btf_trace_sched_process_exec";
constexpr std::string_view kProcessFork = "btf_trace_sched_process_fork";
constexpr std::string_view kProcessExit = "btf_trace_sched_process_exit";
constexpr std::string_view kUringSubmit = "btf_trace_io_uring_submit_req";
constexpr std::string_view kUringFileGet = "btf_trace_io_uring_file_get";

constexpr std::string_view kTaskIterator = "bpf_iter__task";
constexpr std::string_view kTaskFileIterator = "bpf_iter__task_file";

// Enumerators of bpf_map_type, bpf_prog_type, bpf_attach_type and bpf_func_id.
constexpr std::string_view kTracingPrograms = "BPF_PROG_TYPE_TRACING";
constexpr std::string_view kRingBuffer = "BPF_MAP_TYPE_RINGBUF";
constexpr std::string_view kSocketStorage = "BPF_MAP_TYPE_SK_STORAGE";
constexpr std::string_view kQueue = "BPF_MAP_TYPE_QUEUE";
constexpr std::string_view kFentryAttach = "BPF_TRACE_FENTRY";
constexpr std::string_view kUprobeMulti = "BPF_TRACE_UPROBE_MULTI";
constexpr std::string_view kTaskRegisters = "BPF_FUNC_task_pt_regs";
constexpr std::string_view kSocketFromFile = "BPF_FUNC_sock_from_file";
constexpr std::string_view kSocketStorageGet = "BPF_FUNC_sk_storage_get";
constexpr std::string_view kToTcpSocket = "BPF_FUNC_skc_to_tcp_sock";

// What fentry programs hook into (kernel/trace/ftrace.c, CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS).
constexpr std::string_view kTrampolines = "register_ftrace_direct";

inline constexpr std::array kAskedNames = {
    kSendLength,       kReceiveLength,   kSocketState,
    kDataReady,        kProcessExec,     kProcessFork,
    kProcessExit,      kUringSubmit,     kTaskIterator,
    kTaskFileIterator, kTracingPrograms, kRingBuffer,
    kSocketStorage,    kQueue,           kFentryAttach,
    kUprobeMulti,      kTaskRegisters,   kSocketFromFile,
    kSocketStorageGet, kToTcpSocket,     kTrampolines,
    kUringFileGet,
};

}  // namespace beyla::agent::doctor
