#include "probes/go/report/wanted_fields.h"

#include <array>

namespace beyla::probes::go {
namespace {

// Go 1.17 to 1.26; grpc 1.26 to 1.85; x/net to 0.62.
constexpr std::string_view kResponse = "net/http.response";
constexpr std::string_view kConn = "net/http.conn";
constexpr std::string_view kRequest = "net/http.Request";
constexpr std::string_view kUrl = "net/url.URL";
constexpr std::string_view kState = "net/http.http2responseWriterState";
constexpr std::string_view kXnetState = "golang.org/x/net/http2.responseWriterState";
constexpr std::string_view kPersistConn = "net/http.persistConn";
constexpr std::string_view kTcpAddr = "net.TCPAddr";
constexpr std::string_view kGrpcStream = "google.golang.org/grpc/internal/transport.Stream";
constexpr std::string_view kGrpcServerStream =
    "google.golang.org/grpc/internal/transport.ServerStream";
constexpr std::string_view kGrpcServer = "google.golang.org/grpc/internal/transport.http2Server";
constexpr std::string_view kGrpcHandlerTransport =
    "google.golang.org/grpc/internal/transport.serverHandlerTransport";
constexpr std::string_view kGrpcClientStream = "google.golang.org/grpc.clientStream";
constexpr std::string_view kCallHdr = "google.golang.org/grpc/internal/transport.CallHdr";
constexpr std::string_view kHeaders = "net/http.http2HeadersFrame";
constexpr std::string_view kMetaHeaders = "net/http.http2MetaHeadersFrame";
constexpr std::string_view kXnetHeaders = "golang.org/x/net/http2.HeadersFrame";
constexpr std::string_view kXnetMetaHeaders = "golang.org/x/net/http2.MetaHeadersFrame";
constexpr std::string_view kHeaderField = "golang.org/x/net/http2/hpack.HeaderField";
constexpr std::string_view kVendoredField = "vendor/golang.org/x/net/http2/hpack.HeaderField";
constexpr std::string_view kEchoContext = "github.com/labstack/echo/v4.context";

constexpr std::array kFields = {
    FieldPlace{abi::kGoGGoid, "runtime.g", "goid", Kind::uint64},
    FieldPlace{abi::kGoGGoid, "runtime.g", "goid", Kind::int64},  // Go < 1.20
    FieldPlace{abi::kGoGParentGoid, "runtime.g", "parentGoid", Kind::uint64},

    FieldPlace{abi::kGoResponseReq, kResponse, "req", Kind::pointer},
    FieldPlace{abi::kGoResponseConn, kResponse, "conn", Kind::pointer},
    FieldPlace{abi::kGoResponseStatus, kResponse, "status", Kind::int_},
    FieldPlace{abi::kGoResponseWritten, kResponse, "written", Kind::int64},
    FieldPlace{abi::kGoConnTlsState, kConn, "tlsState", Kind::pointer},
    FieldPlace{abi::kGoConnRemoteAddr, kConn, "remoteAddr", Kind::string},

    FieldPlace{abi::kGoRequestMethod, kRequest, "Method", Kind::string},
    FieldPlace{abi::kGoRequestUrl, kRequest, "URL", Kind::pointer},
    FieldPlace{abi::kGoRequestRequestUri, kRequest, "RequestURI", Kind::string},
    FieldPlace{abi::kGoRequestContentLength, kRequest, "ContentLength", Kind::int64},
    FieldPlace{abi::kGoRequestProtoMajor, kRequest, "ProtoMajor", Kind::int_},
    FieldPlace{abi::kGoRequestHost, kRequest, "Host", Kind::string},
    FieldPlace{abi::kGoRequestRemoteAddr, kRequest, "RemoteAddr", Kind::string},
    FieldPlace{abi::kGoRequestCtx, kRequest, "ctx", Kind::interface},
    FieldPlace{abi::kGoRequestPattern, kRequest, "Pattern", Kind::string},
    FieldPlace{abi::kGoRequestPat, kRequest, "pat", Kind::pointer},
    FieldPlace{abi::kGoPatternStr, "net/http.pattern", "str", Kind::string},
    FieldPlace{abi::kGoUrlScheme, kUrl, "Scheme", Kind::string},
    FieldPlace{abi::kGoUrlHost, kUrl, "Host", Kind::string},
    FieldPlace{abi::kGoUrlPath, kUrl, "Path", Kind::string},

    FieldPlace{abi::kGoHttp2WriterRws, "net/http.http2responseWriter", "rws", Kind::pointer},
    FieldPlace{abi::kGoHttp2RwsReq, kState, "req", Kind::pointer},
    FieldPlace{abi::kGoHttp2RwsStatus, kState, "status", Kind::int_},
    FieldPlace{abi::kGoHttp2RwsWroteBytes, kState, "wroteBytes", Kind::int64},
    FieldPlace{abi::kGoHttp2RwsStream, kState, "stream", Kind::pointer},
    FieldPlace{abi::kGoHttp2StreamId, "net/http.http2stream", "id", Kind::uint32},
    FieldPlace{abi::kGoHttp2ConnRemoteAddr, "net/http.http2serverConn", "remoteAddrStr",
               Kind::string},
    FieldPlace{abi::kGoXnetWriterRws, "golang.org/x/net/http2.responseWriter", "rws",
               Kind::pointer},
    FieldPlace{abi::kGoXnetRwsReq, kXnetState, "req", Kind::pointer},
    FieldPlace{abi::kGoXnetRwsStatus, kXnetState, "status", Kind::int_},
    FieldPlace{abi::kGoXnetRwsWroteBytes, kXnetState, "wroteBytes", Kind::int64},
    FieldPlace{abi::kGoXnetRwsStream, kXnetState, "stream", Kind::pointer},
    FieldPlace{abi::kGoXnetStreamId, "golang.org/x/net/http2.stream", "id", Kind::uint32},
    FieldPlace{abi::kGoXnetConnRemoteAddr, "golang.org/x/net/http2.serverConn", "remoteAddrStr",
               Kind::string},

    FieldPlace{abi::kGoTransportRequestRequest, "net/http.transportRequest", "Request",
               Kind::pointer},
    FieldPlace{abi::kGoPersistConnConn, kPersistConn, "conn", Kind::interface},
    FieldPlace{abi::kGoPersistConnTlsState, kPersistConn, "tlsState", Kind::pointer},
    FieldPlace{abi::kGoHttpResponseStatusCode, "net/http.Response", "StatusCode", Kind::int_},
    FieldPlace{abi::kGoTcpConnFd, "net.TCPConn", "conn.fd", Kind::pointer},
    FieldPlace{abi::kGoNetFdSysfd, "net.netFD", "pfd.Sysfd", Kind::int_},
    FieldPlace{abi::kGoTlsConnConn, "crypto/tls.Conn", "conn", Kind::interface},

    FieldPlace{abi::kGoGrpcStreamMethod, kGrpcStream, "method", Kind::string},
    FieldPlace{abi::kGoGrpcStreamCtx, kGrpcStream, "ctx", Kind::interface},
    FieldPlace{abi::kGoGrpcServerStreamStream, kGrpcServerStream, "Stream", Kind::pointer},
    FieldPlace{abi::kGoGrpcServerStreamStream, kGrpcServerStream, "Stream", Kind::structure},
    FieldPlace{abi::kGoGrpcServerStreamCtx, kGrpcServerStream, "ctx", Kind::interface},
    FieldPlace{abi::kGoGrpcServerRemoteAddr, kGrpcServer, "remoteAddr", Kind::interface},
    FieldPlace{abi::kGoGrpcServerPeer, kGrpcServer, "peer", Kind::structure},
    FieldPlace{abi::kGoPeerAddr, "google.golang.org/grpc/peer.Peer", "Addr", Kind::interface},
    FieldPlace{abi::kGoTcpAddrIp, kTcpAddr, "IP", Kind::slice},
    FieldPlace{abi::kGoTcpAddrPort, kTcpAddr, "Port", Kind::int_},
    FieldPlace{abi::kGoGrpcHandlerTransportRw, kGrpcHandlerTransport, "rw", Kind::interface},
    FieldPlace{abi::kGoGrpcHandlerTransportReq, kGrpcHandlerTransport, "req", Kind::pointer},
    FieldPlace{abi::kGoStatusS, "google.golang.org/grpc/internal/status.Status", "s",
               Kind::pointer},
    FieldPlace{abi::kGoStatusS, "google.golang.org/grpc/status.Status", "s", Kind::pointer},
    FieldPlace{abi::kGoStatusCode, "google.golang.org/genproto/googleapis/rpc/status.Status",
               "Code", Kind::int32},
    FieldPlace{abi::kGoStatusErrorS, "google.golang.org/grpc/internal/status.Error", "s",
               Kind::pointer},
    FieldPlace{abi::kGoGrpcClientStreamCallHdr, kGrpcClientStream, "callHdr", Kind::pointer},
    FieldPlace{abi::kGoGrpcClientStreamCtx, kGrpcClientStream, "ctx", Kind::interface},
    FieldPlace{abi::kGoGrpcCallHdrMethod, kCallHdr, "Method", Kind::string},
    FieldPlace{abi::kGoGrpcCallHdrHost, kCallHdr, "Host", Kind::string},

    FieldPlace{abi::kGoGinContextFullPath, "github.com/gin-gonic/gin.Context", "fullPath",
               Kind::string},
    FieldPlace{abi::kGoGinContextWriter, "github.com/gin-gonic/gin.Context",
               "writermem.ResponseWriter", Kind::interface},
    FieldPlace{abi::kGoEchoContextPath, kEchoContext, "path", Kind::string},
    FieldPlace{abi::kGoEchoContextResponse, kEchoContext, "response", Kind::pointer},
    FieldPlace{abi::kGoEchoResponseWriter, "github.com/labstack/echo/v4.Response", "Writer",
               Kind::interface},
    FieldPlace{abi::kGoMuxRegexpTemplate, "github.com/gorilla/mux.routeRegexp", "template",
               Kind::string},
    FieldPlace{abi::kGoStatusErrorProto, "google.golang.org/grpc/internal/status.Error", "e",
               Kind::pointer},
    FieldPlace{abi::kGoStatusErrorCode, "google.golang.org/grpc/status.statusError", "Code",
               Kind::int32},

    FieldPlace{abi::kGoHttp2MetaHeaders, kMetaHeaders, "http2HeadersFrame", Kind::pointer},
    FieldPlace{abi::kGoHttp2MetaFields, kMetaHeaders, "Fields", Kind::slice},
    FieldPlace{abi::kGoHttp2HeadersStreamId, kHeaders, "http2FrameHeader.StreamID", Kind::uint32},
    FieldPlace{abi::kGoXnetMetaHeaders, kXnetMetaHeaders, "HeadersFrame", Kind::pointer},
    FieldPlace{abi::kGoXnetMetaFields, kXnetMetaHeaders, "Fields", Kind::slice},
    FieldPlace{abi::kGoXnetHeadersStreamId, kXnetHeaders, "FrameHeader.StreamID", Kind::uint32},
    FieldPlace{abi::kGoHpackValue, kHeaderField, "Value", Kind::string},
    FieldPlace{abi::kGoHpackValue, kVendoredField, "Value", Kind::string},
    FieldPlace{abi::kGoHpackSensitive, kHeaderField, "Sensitive", Kind::boolean},
    FieldPlace{abi::kGoHpackSensitive, kVendoredField, "Sensitive", Kind::boolean},
    FieldPlace{abi::kGoGrpcStreamId, kGrpcStream, "id", Kind::uint32},
    FieldPlace{abi::kGoConnBufr, kConn, "bufr", Kind::pointer},
    FieldPlace{abi::kGoBufioBuf, "bufio.Reader", "buf", Kind::slice},
    FieldPlace{abi::kGoBufioR, "bufio.Reader", "r", Kind::int_},
    FieldPlace{abi::kGoConnReaderConn, "net/http.connReader", "conn", Kind::pointer},
    FieldPlace{abi::kGoConnCurReq, kConn, "curReq.v", Kind::unsafe_pointer},
    FieldPlace{abi::kGoResponseHandlerDone, kResponse, "handlerDone.v", Kind::uint32},
    FieldPlace{abi::kGoHttp2RwsHandlerDone, kState, "handlerDone", Kind::boolean},
    FieldPlace{abi::kGoXnetRwsHandlerDone, kXnetState, "handlerDone", Kind::boolean},
    FieldPlace{abi::kGoTimerCtxCancelCtx, "context.timerCtx", "cancelCtx", Kind::pointer},
};

}  // namespace

std::span<const FieldPlace> wanted_fields() { return kFields; }

}  // namespace beyla::probes::go
