#include "probes/go/report/wanted_probes.h"

namespace beyla::probes::go {
namespace {

using Fields = std::array<abi::go_field, 5>;

template <typename... Field>
consteval Fields fields(Field... wanted) {
  Fields all;
  all.fill(abi::kGoFields);
  std::size_t index = 0;
  ((all[index++] = wanted), ...);
  return all;
}

constexpr Fields kStatusFields = fields(abi::kGoStatusS, abi::kGoStatusCode);
constexpr std::array<abi::go_field, 3> kErrorFields = {
    abi::kGoStatusErrorS, abi::kGoStatusErrorProto, abi::kGoStatusErrorCode};

constexpr Fields kXnetFrameFields =
    fields(abi::kGoXnetMetaHeaders, abi::kGoXnetMetaFields, abi::kGoXnetHeadersStreamId,
           abi::kGoHpackValue, abi::kGoHpackSensitive);

constexpr Fields kConnReaderFields = fields(abi::kGoConnReaderConn, abi::kGoConnCurReq,
                                            abi::kGoResponseReq, abi::kGoRequestContentLength);
constexpr Fields kHttp2EndFields =
    fields(abi::kGoHttp2WriterRws, abi::kGoHttp2RwsReq, abi::kGoHttp2RwsStatus,
           abi::kGoHttp2RwsHandlerDone, abi::kGoRequestMethod);
constexpr Fields kXnetEndFields =
    fields(abi::kGoXnetWriterRws, abi::kGoXnetRwsReq, abi::kGoXnetRwsStatus,
           abi::kGoXnetRwsHandlerDone, abi::kGoRequestMethod);

constexpr std::array<std::string_view, 4> kHttp2HandlerEnds = {
    "net/http.(*http2serverConn).runHandler", "net/http.(*http2serverConn).runHandler.func1",
    "net/http.(*http2serverConn).runHandler.func2"};

constexpr std::array<std::string_view, 4> kXnetHandlerEnds = {
    "golang.org/x/net/http2.(*serverConn).runHandler",
    "golang.org/x/net/http2.(*serverConn).runHandler.func1",
    "golang.org/x/net/http2.(*serverConn).runHandler.func2"};

constexpr std::array kProbes = {
    WantedProbe{.probe = abi::kGoProbeServeHttp,
                .site = SiteKind::call,
                .group = ProbeGroup::http1,
                .needed = true,
                .function = "net/http.serverHandler.ServeHTTP",
                .callers = {kServe},
                .always = true},
    // Without one of these two there is no end under TLS; plain connections have theirs at the
    // socket.
    WantedProbe{.probe = abi::kGoProbeTlsDone,
                .site = SiteKind::entry_behind_finish,
                .group = ProbeGroup::http1,
                .function = "crypto/tls.(*Conn).SetWriteDeadline",
                .fields = fields(abi::kGoResponseConn, abi::kGoResponseStatus, abi::kGoConnTlsState,
                                 abi::kGoRequestMethod, abi::kGoResponseHandlerDone)},
    WantedProbe{.probe = abi::kGoProbeFinishRequest,
                .group = ProbeGroup::http1,
                .function = kFinishRequest,
                .callers = {kServe},
                .always = true,
                .fields = fields(abi::kGoResponseReq, abi::kGoResponseConn, abi::kGoResponseStatus,
                                 abi::kGoConnTlsState, abi::kGoRequestMethod),
                .unless = abi::kGoProbeTlsDone},
    WantedProbe{.probe = abi::kGoProbeHttp1NoBody,
                .group = ProbeGroup::http1,
                .function = "net/http.(*connReader).startBackgroundRead",
                .callers = {kServe},
                .fields = kConnReaderFields,
                .instead_of = abi::kGoProbeServeHttp},
    WantedProbe{.probe = abi::kGoProbeHttp1Body,
                .group = ProbeGroup::http1,
                .function = "net/http.(*body).registerOnHitEOF",
                .callers = {"net/http.registerOnHitEOF", kServe},
                .fields = kConnReaderFields,
                .instead_of = abi::kGoProbeServeHttp},
    WantedProbe{.probe = abi::kGoProbeHttp1Abort,
                .group = ProbeGroup::http1,
                .function = "net/http.(*connReader).abortPendingRead",
                .callers = {kServe, kFinishRequest},
                .fields = fields(abi::kGoConnReaderConn, abi::kGoConnCurReq, abi::kGoResponseReq,
                                 abi::kGoResponseStatus, abi::kGoResponseHandlerDone),
                .instead_of = abi::kGoProbeFinishRequest},
    WantedProbe{.probe = abi::kGoProbeHijack,
                .group = ProbeGroup::http1,
                .function = "net/http.(*response).Hijack"},
    WantedProbe{.probe = abi::kGoProbeWriteHeader,
                .group = ProbeGroup::http1,
                .function = "net/http.(*response).WriteHeader"},
    // Before Go 1.22 no request knows its pattern.
    WantedProbe{.probe = abi::kGoProbeServeMux,
                .group = ProbeGroup::http1,
                .function = "net/http.(*ServeMux).ServeHTTP",
                .fields = fields(abi::kGoRequestPat, abi::kGoRequestRequestUri)},
    WantedProbe{
        .probe = abi::kGoProbePanic, .group = ProbeGroup::http1, .function = "runtime.gopanic"},

    WantedProbe{.probe = abi::kGoProbeHttp2Run,
                .group = ProbeGroup::http2,
                .needed = true,
                .function = "net/http.(*http2serverConn).runHandler"},
    WantedProbe{.probe = abi::kGoProbeHttp2Done,
                .group = ProbeGroup::http2,
                .needed = true,
                .function = "net/http.(*http2responseWriter).handlerDone",
                .callers = kHttp2HandlerEnds,
                .always = true,
                .fields = fields(abi::kGoHttp2WriterRws, abi::kGoHttp2RwsReq,
                                 abi::kGoHttp2RwsStatus, abi::kGoRequestMethod)},
    WantedProbe{.probe = abi::kGoProbeHttp2Flush,
                .group = ProbeGroup::http2,
                .function = "net/http.(*http2responseWriter).Flush",
                .callers = kHttp2HandlerEnds,
                .fields = kHttp2EndFields,
                .instead_of = abi::kGoProbeHttp2Done},
    WantedProbe{.probe = abi::kGoProbeHttp2Flush,
                .group = ProbeGroup::http2,
                .function = "net/http.(*http2responseWriter).FlushError",
                .callers = kHttp2HandlerEnds,
                .fields = kHttp2EndFields,
                .instead_of = abi::kGoProbeHttp2Done},
    WantedProbe{.probe = abi::kGoProbeHttp2WriteHeader,
                .group = ProbeGroup::http2,
                .function = "net/http.(*http2responseWriter).WriteHeader"},
    WantedProbe{.probe = abi::kGoProbeHttp2Panic,
                .group = ProbeGroup::http2,
                .function = "net/http.(*http2handlerPanicRST).writeFrame"},
    WantedProbe{
        .probe = abi::kGoProbeHttp2Headers,
        .group = ProbeGroup::http2,
        .function = "net/http.(*http2serverConn).processHeaders",
        .callers = {"net/http.(*http2serverConn).processFrame"},
        .always = true,
        .fields = fields(abi::kGoHttp2MetaHeaders, abi::kGoHttp2MetaFields,
                         abi::kGoHttp2HeadersStreamId, abi::kGoHpackValue, abi::kGoHpackSensitive)},

    WantedProbe{.probe = abi::kGoProbeXnetRun,
                .group = ProbeGroup::xnet_http2,
                .needed = true,
                .function = "golang.org/x/net/http2.(*serverConn).runHandler"},
    WantedProbe{.probe = abi::kGoProbeXnetDone,
                .group = ProbeGroup::xnet_http2,
                .needed = true,
                .function = "golang.org/x/net/http2.(*responseWriter).handlerDone",
                .callers = kXnetHandlerEnds,
                .always = true,
                .fields = fields(abi::kGoXnetWriterRws, abi::kGoXnetRwsReq, abi::kGoXnetRwsStatus,
                                 abi::kGoRequestMethod)},
    WantedProbe{.probe = abi::kGoProbeXnetFlush,
                .group = ProbeGroup::xnet_http2,
                .function = "golang.org/x/net/http2.(*responseWriter).Flush",
                .callers = kXnetHandlerEnds,
                .fields = kXnetEndFields,
                .instead_of = abi::kGoProbeXnetDone},
    WantedProbe{.probe = abi::kGoProbeXnetFlush,
                .group = ProbeGroup::xnet_http2,
                .function = "golang.org/x/net/http2.(*responseWriter).FlushError",
                .callers = kXnetHandlerEnds,
                .fields = kXnetEndFields,
                .instead_of = abi::kGoProbeXnetDone},
    WantedProbe{.probe = abi::kGoProbeXnetPanic,
                .group = ProbeGroup::xnet_http2,
                .function = "golang.org/x/net/http2.(*handlerPanicRST).writeFrame"},
    WantedProbe{.probe = abi::kGoProbeXnetHeaders,
                .group = ProbeGroup::xnet_http2,
                .function = "golang.org/x/net/http2.(*serverConn).processHeaders",
                .callers = {"golang.org/x/net/http2.(*serverConn).processFrame"},
                .always = true,
                .fields = kXnetFrameFields},

    WantedProbe{.probe = abi::kGoProbeGrpcHandle,
                .group = ProbeGroup::grpc_server,
                .needed = true,
                .function = "google.golang.org/grpc.(*Server).handleStream",
                .fields = fields(abi::kGoGrpcStreamMethod)},
    WantedProbe{.probe = abi::kGoProbeGrpcStatus,  // grpc >= 1.69
                .group = ProbeGroup::grpc_server,
                .needed = true,
                .function = "google.golang.org/grpc/internal/transport.(*http2Server).writeStatus",
                .fields = kStatusFields},
    WantedProbe{.probe = abi::kGoProbeGrpcStatus,
                .group = ProbeGroup::grpc_server,
                .needed = true,
                .function = "google.golang.org/grpc/internal/transport.(*http2Server).WriteStatus",
                .fields = kStatusFields},
    WantedProbe{.probe = abi::kGoProbeGrpcHandlerStatus,
                .group = ProbeGroup::grpc_server,
                .function = "google.golang.org/grpc/internal/transport."
                            "(*serverHandlerTransport).writeStatus",
                .fields = kStatusFields},
    WantedProbe{.probe = abi::kGoProbeGrpcHandlerStatus,
                .group = ProbeGroup::grpc_server,
                .function = "google.golang.org/grpc/internal/transport."
                            "(*serverHandlerTransport).WriteStatus",
                .fields = kStatusFields},
    WantedProbe{
        .probe = abi::kGoProbeGrpcHeaders,
        .group = ProbeGroup::grpc_server,
        .function = "google.golang.org/grpc/internal/transport.(*http2Server).operateHeaders",
        .fields = kXnetFrameFields,
        .one_of = {abi::kGoGrpcStreamId, abi::kGoFields, abi::kGoFields}},

    WantedProbe{.probe = abi::kGoProbeRoundTrip,
                .group = ProbeGroup::http_client,
                .needed = true,
                .function = kRoundTrip,
                .callers = {"net/http.(*Transport).RoundTrip"},
                .fields = fields(abi::kGoRequestMethod, abi::kGoRequestUrl)},
    WantedProbe{.probe = abi::kGoProbeRoundTripEnd,
                .site = SiteKind::round_trip_end,
                .group = ProbeGroup::http_client,
                .needed = true,
                .function = kRoundTrip,
                .fields = fields(abi::kGoHttpResponseStatusCode)},
    WantedProbe{.probe = abi::kGoProbePersistRoundTrip,
                .group = ProbeGroup::http_client,
                .function = kPersistRoundTrip,
                .callers = {kRoundTrip},
                .fields = fields(abi::kGoTransportRequestRequest, abi::kGoPersistConnConn,
                                 abi::kGoTcpConnFd, abi::kGoNetFdSysfd)},

    WantedProbe{.probe = abi::kGoProbeGrpcAttempt,
                .group = ProbeGroup::grpc_client,
                .needed = true,
                .function = "google.golang.org/grpc.(*clientStream).newAttemptLocked",
                .fields = fields(abi::kGoGrpcClientStreamCallHdr, abi::kGoGrpcCallHdrMethod)},
    WantedProbe{.probe = abi::kGoProbeGrpcRetry,
                .group = ProbeGroup::grpc_client,
                .function = "google.golang.org/grpc.(*clientStream).retryLocked",
                .fields = kStatusFields,
                .one_of = kErrorFields},
    WantedProbe{.probe = abi::kGoProbeGrpcFinish,
                .group = ProbeGroup::grpc_client,
                .needed = true,
                .function = "google.golang.org/grpc.(*clientStream).finish",
                .fields = kStatusFields,
                .one_of = kErrorFields},

    WantedProbe{.probe = abi::kGoProbeGinHandle,
                .group = ProbeGroup::gin,
                .needed = true,
                .function = "github.com/gin-gonic/gin.(*Engine).handleHTTPRequest",
                .callers = {"github.com/gin-gonic/gin.(*Engine).ServeHTTP"},
                .fields = fields(abi::kGoGinContextFullPath)},
    WantedProbe{.probe = abi::kGoProbeEchoFind,
                .group = ProbeGroup::echo,
                .needed = true,
                .function = "github.com/labstack/echo/v4.(*Router).Find",
                .callers = {"github.com/labstack/echo/v4.(*Echo).ServeHTTP",
                            "github.com/labstack/echo/v4.(*Echo).ServeHTTP.func1"},
                .fields = fields(abi::kGoEchoContextPath)},
    WantedProbe{.probe = abi::kGoProbeMuxSetMatch,
                .group = ProbeGroup::mux,
                .function = "github.com/gorilla/mux.routeRegexpGroup.setMatch",
                .callers = {"github.com/gorilla/mux.(*Route).Match"},
                .fields = fields(abi::kGoMuxRegexpTemplate)},
    WantedProbe{.probe = abi::kGoProbeMuxSetMatchPointer,
                .group = ProbeGroup::mux,
                .function = "github.com/gorilla/mux.(*routeRegexpGroup).setMatch",
                .callers = {"github.com/gorilla/mux.(*Route).Match"},
                .fields = fields(abi::kGoMuxRegexpTemplate),
                .unless = abi::kGoProbeMuxSetMatch},
};

}  // namespace

std::span<const WantedProbe> wanted_probes() { return kProbes; }

}  // namespace beyla::probes::go
