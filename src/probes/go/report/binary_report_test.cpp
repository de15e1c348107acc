#include "probes/go/report/binary_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "probes/go/image/go_image.h"
#include "probes/go/image/synthetic/image_plan.h"
#include "probes/go/report/wanted_fields.h"
#include "probes/go/report/wanted_probes.h"
#include "probes/go/sites/end_sites.h"
#include "probes/proof/report_message.h"
#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::go {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using x86::testing::code_of;

constexpr std::size_t kJump = 4;  // of the prologue's stack check
constexpr std::size_t kFirstCall = 16, kSecondCall = 24;
constexpr std::size_t kCallBytes = 5;
constexpr std::uint32_t kFunctionBytes = 64;
constexpr std::string_view kServe = "net/http.(*conn).serve";
constexpr std::string_view kServeHttp = "net/http.serverHandler.ServeHTTP";
constexpr std::string_view kFinish = "net/http.(*response).finishRequest";
constexpr std::string_view kRun = "net/http.(*http2serverConn).runHandler";
constexpr std::string_view kClosure = "net/http.(*http2serverConn).runHandler.func1";
constexpr std::string_view kDone = "net/http.(*http2responseWriter).handlerDone";
constexpr std::string_view kTlsDeadline = "crypto/tls.(*Conn).SetWriteDeadline";
constexpr std::string_view kRoundTripper = "net/http.(*Transport).RoundTrip";

// An executable in the making: each function has a stack check and returns; callers call.
class Program {
 public:
  explicit Program(std::vector<std::string_view> functions) {
    plan_.functions.clear();
    for (const auto name : functions)
      plan_.functions.push_back({std::string(name), kFunctionBytes});
    plan_.structs = {
        {"net/http",
         "http.response",
         128,
         {{"req", Kind::pointer, 8, 2},
          {"conn", Kind::pointer, 0, 1},
          {"status", Kind::int_, 120},
          {"handlerDone", Kind::structure, 64, 6}}},
        {"net/http",
         "http.conn",
         64,
         {{"tlsState", Kind::pointer, 48, 2}, {"curReq", Kind::structure, 40, 7}}},
        {"net/http",
         "http.Request",
         256,
         {{"Method", Kind::string, 0},
          {"URL", Kind::pointer, 16, 2},
          {"ContentLength", Kind::int64, 32}}},
        {"net/http", "http.http2responseWriter", 8, {{"rws", Kind::pointer, 0, 4}}},
        {"net/http",
         "http.http2responseWriterState",
         96,
         {{"req", Kind::pointer, 8, 2},
          {"status", Kind::int_, 72},
          {"handlerDone", Kind::boolean, 80}}},
        {"net/http", "http.Response", 32, {{"StatusCode", Kind::int_, 16}}},
        {"sync/atomic", "atomic.Bool", 4, {{"v", Kind::uint32, 0}}},
        {"sync/atomic", "atomic.Pointer[net/http.response]", 8, {{"v", Kind::unsafe_pointer, 0}}},
        {"net/http", "http.connReader", 128, {{"conn", Kind::pointer, 24, 1}}},
    };
  }

  ImagePlan& plan() { return plan_; }
  PlannedStruct& structure(std::string_view name) {
    return *std::ranges::find(plan_.structs, name, &PlannedStruct::name);
  }
  void write(std::string_view function, std::string_view code) {
    codes_.emplace_back(function, code_of(code));
  }
  void call(std::string_view caller, std::string_view callee, std::size_t at = kFirstCall) {
    calls_.push_back({caller, callee, at});
  }

  std::vector<std::byte> build() const {
    auto file = build_image(plan_);
    for (const auto& function : plan_.functions) {
      put(file, function.name, 0, code_of("49 3b 66 10 76 20 55 c3"));
    }
    for (const auto& [function, code] : codes_) put(file, function, 0, code);
    for (const auto& [caller, callee, at] : calls_) {
      const auto from = place_of(file, caller).address + at + kCallBytes;
      const auto distance = static_cast<std::uint32_t>(place_of(file, callee).address - from);
      std::vector<std::byte> code(kCallBytes, std::byte{0xe8});
      std::memcpy(code.data() + 1, &distance, sizeof(distance));
      put(file, caller, at, code);
    }
    return file;
  }

  static Function place_of(std::span<const std::byte> file, std::string_view name) {
    const auto image = GoImage::read(file);
    return image.value().find_functions(std::array{name}).front().value();
  }

 private:
  static void put(std::vector<std::byte>& file, std::string_view function, std::size_t at,
                  std::span<const std::byte> code) {
    const auto place = place_of(file, function);
    std::ranges::copy(code, file.begin() + static_cast<std::ptrdiff_t>(place.file_offset + at));
  }

  ImagePlan plan_ = plan_of_everything(26);
  std::vector<std::pair<std::string_view, std::vector<std::byte>>> codes_;
  struct Call {
    std::string_view caller;
    std::string_view callee;
    std::size_t at;
  };
  std::vector<Call> calls_;
};

Program http_server() {
  Program program({kServe, kServeHttp, kFinish});
  program.call(kServe, kServeHttp);
  return program;
}

Program http_server_with_ends() {
  auto program = http_server();
  program.call(kServe, kFinish, kSecondCall);
  return program;
}

// What stands behind the second call.
constexpr std::string_view kSetWriteDeadline = "48 8b 52 48 ff d2";  // mov 0x48(rdx),rdx; call rdx
constexpr std::string_view kSetReadDeadline = "48 8b 52 40 ff d2";

Program tls_server(std::string_view behind_finish = kSetWriteDeadline) {
  Program program({kServe, kServeHttp, kFinish, kTlsDeadline});
  program.call(kServe, kServeHttp);
  program.call(kServe, kFinish, kSecondCall);
  const std::string prologue = "49 3b 66 10 76 20 55 90 90 90 90 90 90 90 90 90 ";
  const std::string calls = "90 90 90 90 90 90 90 90 90 90 90 90 90 ";
  program.write(kServe, prologue + calls + std::string(behind_finish) + " c3");
  return program;
}

// As the broker reads it: whatever is made must be accepted.
proof::BinaryReport report_of(std::span<const std::byte> file) {
  const auto report = make_binary_report(file);
  return proof::decode_report(std::as_bytes(std::span(&report, 1))).value();
}

std::vector<std::uint32_t> probes_of(const proof::BinaryReport& report) {
  std::vector<std::uint32_t> probes;
  for (const auto& point : report.points) probes.push_back(point.probe);
  return probes;
}

std::uint64_t bits(std::initializer_list<abi::go_probe> probes) {
  std::uint64_t all = 0;
  for (const auto probe : probes) all |= std::uint64_t{1} << probe;
  return all;
}

TEST(BinaryReport, PointsAtTheStackCheckOfAFunction) {
  const auto file = http_server_with_ends().build();
  const auto report = report_of(file);
  EXPECT_EQ(report.kind, abi::kBinaryGo);
  EXPECT_EQ(report.text, "go1.26.3");
  ASSERT_THAT(probes_of(report), Contains(abi::kGoProbeFinishRequest));
  const auto& point = report.points.back();
  const auto place = Program::place_of(file, kFinish);
  EXPECT_EQ(point.probe, abi::kGoProbeFinishRequest);
  EXPECT_EQ(point.symbol_offset, place.file_offset);
  EXPECT_EQ(point.symbol_bytes, kFunctionBytes);
  EXPECT_EQ(point.point_offset, place.file_offset + kJump);
  EXPECT_EQ(std::memcmp(point.expected, file.data() + point.point_offset, abi::kExpectedBytes), 0);
}

TEST(BinaryReport, PointsAtTheCallOfTheHandler) {
  const auto file = http_server().build();
  const auto report = report_of(file);
  ASSERT_THAT(probes_of(report), ElementsAre(abi::kGoProbeServeHttp));
  const auto& point = report.points.front();
  const auto place = Program::place_of(file, kServe);
  EXPECT_EQ(point.symbol_offset, place.file_offset);
  EXPECT_EQ(point.symbol_bytes, kFunctionBytes);
  EXPECT_EQ(point.point_offset, place.file_offset + kFirstCall);
  EXPECT_EQ(point.expected[0], 0xe8);
}

TEST(BinaryReport, WithoutItsCallerTheHandlerIsNotSeen) {
  const auto report = report_of(Program({kServeHttp, kRoundTrip}).build());
  EXPECT_EQ(report.left_out, bits({abi::kGoProbeServeHttp}));
  EXPECT_THAT(probes_of(report), Not(Contains(abi::kGoProbeServeHttp)));
}

TEST(BinaryReport, UnderTlsARequestEndsWhereOnlyThoseUnderTlsPass) {
  const auto file = tls_server().build();
  const auto report = report_of(file);
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeTlsDone));
  EXPECT_EQ(report.points.back().point_offset,
            Program::place_of(file, kTlsDeadline).file_offset + kJump);
  EXPECT_EQ(report.inlined | report.left_out, 0U);
}

TEST(BinaryReport, WhereThatIsNotCertainItEndsAtFinishRequest) {
  const auto ends = ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeFinishRequest);
  EXPECT_THAT(probes_of(report_of(tls_server(kSetReadDeadline).build())), ends);
  auto old = tls_server();
  std::erase_if(old.structure("http.response").fields,
                [](const auto& field) { return field.name == "handlerDone"; });
  EXPECT_THAT(probes_of(report_of(old.build())), ends);
}

TEST(BinaryReport, NobodyToWritePatternsIsAFlag) {
  for (const std::string_view writer :
       {"net/http.(*ServeMux).registerErr", "github.com/go-chi/chi/v5.(*Mux).ServeHTTP"}) {
    Program program({kServe, kServeHttp, writer});
    program.call(kServe, kServeHttp);
    EXPECT_EQ(report_of(program.build()).go.flags, std::uint32_t{abi::kGoNoTlsServer}) << writer;
  }
}

TEST(BinaryReport, SaysWhereFieldsAre) {
  const auto report = report_of(http_server().build());
  EXPECT_EQ(report.go.offset[abi::kGoResponseStatus], 120);
  EXPECT_EQ(report.go.offset[abi::kGoRequestUrl], 16);
  EXPECT_EQ(report.go.offset[abi::kGoConnTlsState], 48);
  EXPECT_EQ(report.go.offset[abi::kGoGGoid], abi::kGoAbsentField);
}

TEST(BinaryReport, AServerWithoutTlsIsAFlag) {
  EXPECT_EQ(report_of(http_server().build()).go.flags,
            std::uint32_t{abi::kGoNoTlsServer | abi::kGoNoPatterns});
  Program with_tls({kServe, kServeHttp, kFinish, "crypto/tls.(*Conn).serverHandshake"});
  with_tls.call(kServe, kServeHttp);
  EXPECT_EQ(report_of(with_tls.build()).go.flags, std::uint32_t{abi::kGoNoPatterns});
}

TEST(BinaryReport, AFieldOfAnotherKindIsAbsent) {
  auto program = http_server();
  program.structure("http.Request").fields[0].kind = Kind::int_;
  EXPECT_EQ(report_of(program.build()).go.offset[abi::kGoRequestMethod], abi::kGoAbsentField);
}

TEST(BinaryReport, AFieldTooFarAwayIsAbsent) {
  constexpr std::uint64_t kMost = abi::kMaxGoOffset;
  for (const std::uint64_t offset : {kMost, kMost + 8}) {
    auto program = http_server();
    program.structure("http.Request").bytes = 2 * abi::kMaxGoOffset;
    program.structure("http.Request").fields[1].offset = offset;
    const auto found = report_of(program.build()).go.offset[abi::kGoRequestUrl];
    EXPECT_EQ(found, offset == kMost ? kMost : std::uint64_t{abi::kGoAbsentField});
  }
}

TEST(BinaryReport, AFunctionThatItsCallerNoLongerCallsWasInlined) {
  auto program = http_server();
  const auto inlined = report_of(program.build());
  EXPECT_EQ(inlined.inlined, bits({abi::kGoProbeFinishRequest}));
  EXPECT_EQ(inlined.left_out, 0U);
  EXPECT_THAT(probes_of(inlined), ElementsAre(abi::kGoProbeServeHttp));

  Program calling({kServe, kServeHttp, kFinish, "net/http.(*conn).serve.func1"});
  calling.call(kServe, kFinish);
  const auto other = report_of(calling.build());
  EXPECT_EQ(other.inlined, bits({abi::kGoProbeServeHttp}));
  EXPECT_EQ(other.left_out, bits({abi::kGoProbeFinishRequest}));  // its group needs ServeHTTP
  EXPECT_EQ(other.kind, abi::kBinaryOther);
  EXPECT_EQ(other.text, "nothing_to_probe");
}

constexpr std::string_view kNoBody = "net/http.(*connReader).startBackgroundRead";
constexpr std::string_view kBody = "net/http.(*body).registerOnHitEOF";
constexpr std::string_view kAbort = "net/http.(*connReader).abortPendingRead";

// As a compiler leaves it that has inlined both into serve.
Program inlined_http1() {
  Program program({kServe, kNoBody, kBody, kAbort});
  program.write(kServe, "49 3b 66 10 76 20 55 c3");
  program.call(kServe, kAbort, 16);
  program.call(kServe, kNoBody, 24);
  program.call(kServe, kBody, 32);
  return program;
}

TEST(BinaryReport, WhatIsCalledBesideInlinedFunctionsStandsInForThem) {
  const auto report = report_of(inlined_http1().build());
  EXPECT_EQ(report.inlined, bits({abi::kGoProbeServeHttp, abi::kGoProbeFinishRequest}));
  EXPECT_EQ(report.left_out, 0U);
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeHttp1NoBody, abi::kGoProbeHttp1Body,
                                             abi::kGoProbeHttp1Abort));
  EXPECT_EQ(report.go.offset[abi::kGoConnCurReq], 40);
  EXPECT_EQ(report.go.offset[abi::kGoResponseHandlerDone], 64);
  EXPECT_EQ(report.go.offset[abi::kGoHttp2RwsHandlerDone], 80);
}

TEST(BinaryReport, NothingStandsInForWhatIsCalled) {
  auto program = inlined_http1();
  program.plan().functions.push_back({std::string(kServeHttp), kFunctionBytes});
  program.plan().functions.push_back({std::string(kFinish), kFunctionBytes});
  program.call(kServe, kServeHttp, 40);
  program.call(kServe, kFinish, 48);
  const auto report = report_of(program.build());
  EXPECT_EQ(report.inlined, 0U);
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeFinishRequest));
}

TEST(BinaryReport, RequestsWithAndWithoutABodyAreBothSeenOrNone) {
  auto program = inlined_http1();
  program.write(kBody, "55 48 89 e5 c3");
  const auto report = report_of(program.build());
  EXPECT_THAT(probes_of(report), IsEmpty());
  EXPECT_EQ(report.left_out,
            bits({abi::kGoProbeHttp1NoBody, abi::kGoProbeHttp1Body, abi::kGoProbeHttp1Abort}));
}

TEST(BinaryReport, AlsoWhereOneOfTheirBeginsWasInlinedItself) {
  for (const auto inlined : {kNoBody, kBody}) {
    Program program({kServe, kNoBody, kBody, kAbort});
    program.write(kServe, "49 3b 66 10 76 20 55 c3");
    program.call(kServe, kAbort, 16);
    program.call(kServe, inlined == kBody ? kNoBody : kBody, 24);
    EXPECT_THAT(probes_of(report_of(program.build())), IsEmpty()) << inlined;
  }
}

TEST(BinaryReport, OfFunctionsInEachOtherTheFirstThatIsCalledStandsIn) {
  const std::string_view flush = "net/http.(*http2responseWriter).Flush";
  const std::string_view error = "net/http.(*http2responseWriter).FlushError";
  for (const auto called : {flush, error}) {
    Program program({kRun, kClosure, kDone, flush, error});
    program.call(kClosure, called);
    const auto file = program.build();
    const auto report = report_of(file);
    EXPECT_EQ(report.inlined, bits({abi::kGoProbeHttp2Done}));
    ASSERT_THAT(probes_of(report), ElementsAre(abi::kGoProbeHttp2Run, abi::kGoProbeHttp2Flush));
    EXPECT_EQ(report.points.back().symbol_offset, Program::place_of(file, called).file_offset);
  }
  const auto neither = report_of(Program({kRoundTrip, kRun, kClosure, flush, error}).build());
  EXPECT_EQ(neither.inlined, bits({abi::kGoProbeHttp2Done, abi::kGoProbeHttp2Flush}));
  EXPECT_THAT(probes_of(neither),
              UnorderedElementsAre(abi::kGoProbeRoundTrip, abi::kGoProbeRoundTripEnd));
}

TEST(BinaryReport, WithoutAKnownCallerAFunctionIsProbed) {
  const auto report = report_of(Program({kRoundTrip}).build());
  EXPECT_THAT(probes_of(report),
              UnorderedElementsAre(abi::kGoProbeRoundTrip, abi::kGoProbeRoundTripEnd));
}

TEST(BinaryReport, OneOfSeveralCallersIsEnough) {
  Program program({kRun, kClosure, kDone});
  program.call(kClosure, kDone);
  const auto report = report_of(program.build());
  EXPECT_EQ(report.inlined, 0U);
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeHttp2Run, abi::kGoProbeHttp2Done));
}

TEST(BinaryReport, AGroupWithoutWhatItNeedsIsLeftOutAlone) {
  Program program({kServe, kServeHttp, kFinish, kRun, kClosure, kDone,
                   "net/http.(*http2handlerPanicRST).writeFrame"});
  program.call(kServe, kServeHttp);
  program.call(kServe, kFinish, kSecondCall);
  const auto report = report_of(program.build());
  EXPECT_EQ(report.inlined, bits({abi::kGoProbeHttp2Done}));
  EXPECT_EQ(report.left_out, bits({abi::kGoProbeHttp2Run, abi::kGoProbeHttp2Panic}));
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeFinishRequest));
}

TEST(BinaryReport, AProbeWithoutItsFieldsIsLeftOut) {
  auto program = http_server_with_ends();
  std::erase_if(program.structure("http.response").fields,
                [](const auto& field) { return field.name == "status"; });
  const auto report = report_of(program.build());
  EXPECT_EQ(report.left_out, bits({abi::kGoProbeFinishRequest}));
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeServeHttp));
}

TEST(BinaryReport, AProbeWithoutASiteIsLeftOut) {
  auto program = http_server_with_ends();
  program.write(kFinish, "55 48 89 e5 c3");
  const auto report = report_of(program.build());
  EXPECT_EQ(report.left_out, bits({abi::kGoProbeFinishRequest}));
}

constexpr std::string_view kHandleStream = "google.golang.org/grpc.(*Server).handleStream";
constexpr std::string_view kTransport = "google.golang.org/grpc/internal/transport.";

Program grpc_server(std::string_view status, Kind stream) {
  Program program({kHandleStream, status});
  const std::string package = "google.golang.org/grpc/internal/transport";
  auto& structs = program.plan().structs;
  const std::size_t at = structs.size();
  structs.push_back({package, "transport.Stream", 64, {{"method", Kind::string, 16}}});
  structs.push_back({package, "transport.ServerStream", 128, {{"Stream", stream, 0, at}}});
  structs.push_back({"google.golang.org/grpc/internal/status",
                     "status.Status",
                     8,
                     {{"s", Kind::pointer, 0, at}}});
  structs.push_back({"google.golang.org/genproto/googleapis/rpc/status",
                     "status.Status",
                     64,
                     {{"Code", Kind::int32, 40}}});
  return program;
}

TEST(BinaryReport, AStreamByValueIsAFlag) {
  const std::string status = std::string(kTransport) + "(*http2Server).writeStatus";
  for (const Kind kind : {Kind::structure, Kind::pointer}) {
    const auto report = report_of(grpc_server(status, kind).build());
    EXPECT_EQ((report.go.flags & abi::kGoGrpcStreamByValue) != 0, kind == Kind::structure);
    EXPECT_EQ(report.go.offset[abi::kGoGrpcServerStreamStream], 0);
    EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeGrpcHandle, abi::kGoProbeGrpcStatus));
  }
}

TEST(BinaryReport, OlderNamesOfAFunctionCount) {
  const std::string status = std::string(kTransport) + "(*http2Server).WriteStatus";
  const auto report = report_of(grpc_server(status, Kind::pointer).build());
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeGrpcHandle, abi::kGoProbeGrpcStatus));
}

TEST(BinaryReport, AServerThatHasBothNamesIsProbedOnce) {
  const std::string both[] = {std::string(kTransport) + "(*http2Server).writeStatus",
                              std::string(kTransport) + "(*http2Server).WriteStatus"};
  auto program = grpc_server(both[0], Kind::pointer);
  program.plan().functions.push_back({both[1], kFunctionBytes});
  const auto report = report_of(program.build());
  EXPECT_THAT(probes_of(report), ElementsAre(abi::kGoProbeGrpcHandle, abi::kGoProbeGrpcStatus));
}

TEST(BinaryReport, AGrpcErrorMayHideItsCodeInThreeWays) {
  const std::string_view client[] = {"google.golang.org/grpc.(*clientStream).newAttemptLocked",
                                     "google.golang.org/grpc.(*clientStream).finish"};
  const PlannedStruct errors[] = {
      {"google.golang.org/grpc/internal/status", "status.Error", 8, {{"s", Kind::pointer, 0, 0}}},
      {"google.golang.org/grpc/internal/status", "status.Error", 8, {{"e", Kind::pointer, 0, 0}}},
      {"google.golang.org/grpc/status", "status.statusError", 64, {{"Code", Kind::int32, 40}}},
      {"google.golang.org/grpc/status", "status.another", 64, {{"Code", Kind::int32, 40}}}};
  for (const auto& error : errors) {
    auto program = grpc_server(kTransport, Kind::pointer);
    program.plan().functions.clear();
    for (const auto name : client) program.plan().functions.push_back({std::string(name), 64});
    auto& structs = program.plan().structs;
    structs.push_back({"google.golang.org/grpc",
                       "grpc.clientStream",
                       64,
                       {{"callHdr", Kind::pointer, 0, structs.size() + 1}}});
    structs.push_back({"google.golang.org/grpc/internal/transport",
                       "transport.CallHdr",
                       64,
                       {{"Method", Kind::string, 16}}});
    structs.push_back(error);
    const auto report = report_of(program.build());
    EXPECT_EQ(report.kind == abi::kBinaryGo, error.name != "status.another") << error.name;
  }
}

TEST(BinaryReport, TheValueReceiverOfSetMatchGoesBeforeItsWrapper) {
  const std::string_view value = "github.com/gorilla/mux.routeRegexpGroup.setMatch";
  const std::string_view pointer = "github.com/gorilla/mux.(*routeRegexpGroup).setMatch";
  const auto with = [](std::vector<std::string_view> functions) {
    Program program(std::move(functions));
    program.plan().structs.push_back(
        {"github.com/gorilla/mux", "mux.routeRegexp", 64, {{"template", Kind::string, 0}}});
    return probes_of(report_of(program.build()));
  };
  EXPECT_THAT(with({value, pointer}), ElementsAre(abi::kGoProbeMuxSetMatch));
  EXPECT_THAT(with({value}), ElementsAre(abi::kGoProbeMuxSetMatch));
  EXPECT_THAT(with({pointer}), ElementsAre(abi::kGoProbeMuxSetMatchPointer));
}

TEST(BinaryReport, ARoundTripEndsBehindItsCallAndAtOtherReturns) {
  Program program({kRoundTripper, kRoundTrip, kPersistRoundTrip});
  // Entry; a return; the call at 16 comes from call(); test, je; an error's return, the answer's.
  program.write(kRoundTrip, R"(49 3b 66 10
      76 20 ; 4: jbe 38
      75 08 ; 6: jne 16
      c3 ; 8
      90 90 90 90 90 90 90
      90 90 90 90 90 ; 16
      48 85 db ; 21
      74 01 ; 24: je 27
      c3 ; 26
      c3 ; 27
      90 90 90 90 90 90 90 90 90 90
      eb fe ; 38)");
  program.call(kRoundTrip, kPersistRoundTrip);
  program.call(kRoundTripper, kRoundTrip);
  const auto file = program.build();
  const auto begin = Program::place_of(file, kRoundTrip).file_offset;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> ends;
  for (const auto& point : report_of(file).points) {
    if (point.symbol_offset == begin) ends.emplace_back(point.probe, point.point_offset - begin);
  }
  EXPECT_THAT(ends, ElementsAre(std::pair(abi::kGoProbeRoundTrip, 4),
                                std::pair(abi::kGoProbeRoundTripAnswer, 24),
                                std::pair(abi::kGoProbeRoundTripEnd, 8),
                                std::pair(abi::kGoProbeRoundTripEnd, 26)));
}

TEST(BinaryReport, SaysWhyThereIsNothing) {
  EXPECT_EQ(report_of({}).text, "not_elf");
  EXPECT_EQ(report_of(Program({"main.main"}).build()).text, "nothing_to_probe");
  auto old = http_server();
  old.plan().version = "go1.16.15";
  EXPECT_EQ(report_of(build_image(old.plan())).text, "too_old");
  auto arm = http_server().build();
  arm[18] = std::byte{183};  // e_machine: EM_AARCH64
  EXPECT_EQ(report_of(arm).text, "aarch64");
}

TEST(WantedProbes, EachHasAFunctionAndEachFieldAPlace) {
  for (std::uint32_t probe = 1; probe < abi::kGoProbes; ++probe) {
    if (probe == abi::kGoProbeRoundTripAnswer) continue;  // comes with the end
    EXPECT_TRUE(std::ranges::any_of(wanted_probes(), [&](const auto& wanted) {
      return wanted.probe == probe;
    })) << probe;
  }
  for (std::uint32_t field = 0; field < abi::kGoFields; ++field) {
    EXPECT_TRUE(std::ranges::any_of(wanted_fields(), [&](const auto& place) {
      return place.field == field;
    })) << field;
  }
}

TEST(WantedProbes, FitIntoOneReport) {
  std::size_t most = kMaxReturns;
  for (const auto& wanted : wanted_probes()) most += wanted.site == SiteKind::entry ? 1 : 0;
  EXPECT_LE(most + 1, abi::kMaxProbePoints);
}

}  // namespace
}  // namespace beyla::probes::go
