/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 * What the Go probes know of a binary and what they report. One kernel half serves all binaries: the
 * places of fields come from a table with one entry per binary, made from the binary's own runtime
 * type descriptors. The records stand in the data ring beside those of the sockets, so that both are
 * in causal order: receive, begin of the handler, send. */
#pragma once

#include "abi/events.h"

#ifdef __cplusplus
namespace beyla::abi {
#endif

/* Byte offsets within the struct that is named. "http2": of the copy that net/http bundles;
 * "xnet": golang.org/x/net/http2. */
enum go_field {
  /* runtime.g */
  kGoGGoid = 0,
  kGoGParentGoid, /* Go >= 1.21 */
  /* net/http.response */
  kGoResponseReq,
  kGoResponseConn,
  kGoResponseStatus,
  kGoResponseWritten, /* bytes of the body */
  /* net/http.conn */
  kGoConnTlsState, /* pointer; null: plain text */
  kGoConnRemoteAddr,
  /* net/http.Request */
  kGoRequestMethod,
  kGoRequestUrl,
  kGoRequestRequestUri, /* as sent: path and query */
  kGoRequestContentLength,
  kGoRequestProtoMajor,
  kGoRequestHost,
  kGoRequestRemoteAddr,
  kGoRequestCtx,     /* interface: the data pointer stands 8 bytes further */
  kGoRequestPattern, /* string; Go >= 1.23 */
  kGoRequestPat,     /* *net/http.pattern; Go >= 1.22 */
  kGoPatternStr,
  /* net/url.URL */
  kGoUrlScheme,
  kGoUrlHost,
  kGoUrlPath,
  /* net/http.http2responseWriter, http2responseWriterState, http2stream, http2serverConn */
  kGoHttp2WriterRws,
  kGoHttp2RwsReq,
  kGoHttp2RwsStatus,
  kGoHttp2RwsWroteBytes,
  kGoHttp2RwsStream,
  kGoHttp2StreamId,
  kGoHttp2ConnRemoteAddr, /* remoteAddrStr */
  /* the same of x/net, in the same order */
  kGoXnetWriterRws,
  kGoXnetRwsReq,
  kGoXnetRwsStatus,
  kGoXnetRwsWroteBytes,
  kGoXnetRwsStream,
  kGoXnetStreamId,
  kGoXnetConnRemoteAddr,
  /* net/http.transportRequest, persistConn, Response; down to the socket */
  kGoTransportRequestRequest,
  kGoPersistConnConn, /* interface */
  kGoPersistConnTlsState,
  kGoHttpResponseStatusCode,
  kGoTcpConnFd,    /* net.TCPConn: conn.fd, *netFD */
  kGoNetFdSysfd,   /* net.netFD: pfd.Sysfd */
  kGoTlsConnConn,  /* crypto/tls.Conn: conn, interface */
  /* google.golang.org/grpc/internal/transport: Stream, ServerStream, http2Server, serverHandlerTransport */
  kGoGrpcStreamMethod,
  kGoGrpcStreamCtx,
  kGoGrpcServerStreamStream, /* grpc >= 1.69; by value or a pointer: kGoGrpcStreamByValue */
  kGoGrpcServerStreamCtx,    /* where the context moved to ServerStream */
  kGoGrpcServerRemoteAddr,   /* http2Server.remoteAddr, net.Addr: grpc < 1.58 or so */
  kGoGrpcServerPeer,         /* http2Server.peer */
  kGoPeerAddr,               /* google.golang.org/grpc/peer.Peer: Addr, net.Addr */
  kGoTcpAddrIp,              /* net.TCPAddr */
  kGoTcpAddrPort,
  kGoGrpcHandlerTransportRw,  /* serverHandlerTransport.rw, interface */
  kGoGrpcHandlerTransportReq, /* serverHandlerTransport.req, pointer */
  /* google.golang.org/grpc/internal/status.Status, .Error; genproto rpc/status.Status */
  kGoStatusS,
  kGoStatusCode,
  kGoStatusErrorS,
  /* google.golang.org/grpc.clientStream; internal/transport.CallHdr */
  kGoGrpcClientStreamCallHdr,
  kGoGrpcClientStreamCtx,
  kGoGrpcCallHdrMethod,
  kGoGrpcCallHdrHost,
  /* github.com/gin-gonic/gin.Context */
  kGoGinContextFullPath,
  kGoGinContextWriter, /* writermem.ResponseWriter, interface */
  /* github.com/labstack/echo/v4.context, Response */
  kGoEchoContextPath,
  kGoEchoContextResponse,
  kGoEchoResponseWriter, /* interface */
  /* github.com/gorilla/mux.routeRegexp */
  kGoMuxRegexpTemplate,
  /* What is behind a gRPC error where there is no kGoStatusErrorS (Error.s, *Status): */
  kGoStatusErrorProto, /* internal/status.Error.e, pointer to genproto's Status: grpc 1.29 to 1.4x */
  kGoStatusErrorCode,  /* status.statusError is such a Status itself, Code: grpc < 1.29 */
  /* net/http.http2MetaHeadersFrame, and http2HeadersFrame, to which it points */
  kGoHttp2MetaHeaders, /* that pointer */
  kGoHttp2MetaFields,  /* slice of hpack.HeaderField */
  kGoHttp2HeadersStreamId,
  /* the same of x/net, in the same order */
  kGoXnetMetaHeaders,
  kGoXnetMetaFields,
  kGoXnetHeadersStreamId,
  /* golang.org/x/net/http2/hpack.HeaderField */
  kGoHpackValue,
  kGoHpackSensitive,
  kGoGrpcStreamId, /* internal/transport.Stream.id */
  kGoConnBufr,     /* net/http.conn: pointer to a bufio.Reader */
  kGoBufioBuf,     /* bufio.Reader: slice; what stands before `r` was read */
  kGoBufioR,
  /* context.timerCtx: cancelCtx, where that is a pointer: Go 1.20 */
  kGoTimerCtxCancelCtx,
  kGoConnReaderConn,      /* net/http.connReader: pointer to its conn */
  kGoConnCurReq,          /* net/http.conn: curReq.v, a *response; Go >= 1.19 */
  kGoResponseHandlerDone, /* net/http.response: handlerDone.v, uint32; Go >= 1.19 */
  kGoHttp2RwsHandlerDone, /* net/http.http2responseWriterState: bool */
  kGoXnetRwsHandlerDone,  /* the same of x/net */
  kGoFields,
};

enum { kGoAbsentField = 0xffff };

enum go_image_flag {
  kGoGrpcStreamByValue = 1,  /* ServerStream holds its Stream by value: grpc >= 1.77 or so */
  /* crypto/tls.(*Conn).serverHandshake is not linked: it serves no TLS, so that the socket parser sees
   * each of its HTTP/1 requests. */
  kGoNoTlsServer = 2,
  kGoTracesWanted = 4, /* the broker's word, not the worker's */
  /* net/http.(*ServeMux).registerErr is not linked, nor chi, the other one that writes patterns into
   * requests: no request of it has one. */
  kGoNoPatterns = 8,
  kGoNoRoutes = 16, /* the broker's word: neither that nor a router that is probed */
};

/* One binary. A field that this binary does not have is kGoAbsentField: what is read through it is
 * left out. */
struct go_image {
  uint32_t flags;   /* go_image_flag */
  uint32_t padding; /* 0 */
  uint16_t offset[96]; /* by go_field; those behind kGoFields are kGoAbsentField */
};
ABI_ASSERT(kGoFields <= 96);
ABI_ASSERT(sizeof(struct go_image) == 200);

enum { kGoImages = 256 }; /* binaries that have probes at the same time */

/* What the probe of ServeMux is good for in one binary: counts of the kernel half that only grow while
 * the binary has its place. Updates of several CPUs at once may be lost. */
struct go_mux_use {
  uint64_t hits;
  uint64_t copies;   /* of them: with another request than the one that was begun */
  uint64_t unrouted; /* requests without a pattern, or with one that others may be mounted under */
  uint64_t routed;   /* all others whose route was looked for */
};
ABI_ASSERT(sizeof(struct go_mux_use) == 32);

/* The cookie of an attached probe: its go_probe, shifted, by which dispatch.bpf.c calls its program;
 * index of its go_image, shifted, 8 bits; and the variant. */
enum { kGoCookieProbeShift = 16, kGoCookieImageShift = 8, kGoVariantXnet = 1 };

/* Which function is hooked, and the program that stands there. In registers: amd64's ABIInternal,
 * Go >= 1.17; g is r14. Each row: function, point, arguments. "entry" is the conditional jump of the
 * stack check: with the carry or the zero flag set it is taken, the stack is about to grow, and the
 * function will begin again: that hit is none. At an end the flags say no such thing. */
enum go_probe {
  kGoProbeNone = 0,
  /* net/http.(*conn).serve, at its CALL of serverHandler.ServeHTTP: unlike that function's entry it is
   * not passed by requests over HTTP/2; the flags say nothing; bx,cx: ResponseWriter (a *response), di:
   * *Request */
  kGoProbeServeHttp = 1,
  /* net/http.(*response).finishRequest; entry; ax: *response. Not where kGoProbeTlsDone is. */
  kGoProbeFinishRequest = 2,
  /* net/http.(*http2serverConn).runHandler; entry; ax: sc, bx: *responseWriter, cx: *Request */
  kGoProbeHttp2Run = 3,
  /* net/http.(*http2responseWriter).handlerDone; entry; ax: *responseWriter */
  kGoProbeHttp2Done = 4,
  /* net/http.(*http2handlerPanicRST).writeFrame, which the interface calls; entry; ax: pointer to the
   * stream id (uint32), bx,cx: writeContext (cx: sc) */
  kGoProbeHttp2Panic = 5,
  kGoProbeXnetRun = 6, /* the same three of golang.org/x/net/http2 */
  kGoProbeXnetDone = 7,
  kGoProbeXnetPanic = 8,
  /* google.golang.org/grpc.(*Server).handleStream; entry; bx,cx: ServerTransport, di: *ServerStream */
  kGoProbeGrpcHandle = 9,
  /* transport.(*http2Server).writeStatus or WriteStatus; entry; ax: t, bx: stream, cx: *status.Status */
  kGoProbeGrpcStatus = 10,
  /* transport.(*serverHandlerTransport).writeStatus or WriteStatus; entry; likewise */
  kGoProbeGrpcHandlerStatus = 11,
  /* net/http.(*Transport).roundTrip; entry; bx: *Request */
  kGoProbeRoundTrip = 12,
  /* net/http.(*persistConn).roundTrip; entry; ax: pc, bx: *transportRequest */
  kGoProbePersistRoundTrip = 13,
  /* end of net/http.(*Transport).roundTrip: each return that kGoProbeRoundTripAnswer does not see, all
   * of them where there is no such point; ax: *Response, bx,cx: error */
  kGoProbeRoundTripEnd = 14,
  /* google.golang.org/grpc.(*clientStream).newAttemptLocked; entry; ax: cs */
  kGoProbeGrpcAttempt = 15,
  /* google.golang.org/grpc.(*clientStream).retryLocked; entry; ax: cs, bx: attempt, cx,di: error */
  kGoProbeGrpcRetry = 16,
  /* google.golang.org/grpc.(*clientStream).finish; entry; ax: cs, bx,cx: error */
  kGoProbeGrpcFinish = 17,
  /* github.com/gin-gonic/gin.(*Engine).handleHTTPRequest; entry; ax: engine, bx: *Context */
  kGoProbeGinHandle = 18,
  /* github.com/labstack/echo/v4.(*Router).Find; entry; ax: router, bx,cx: method, di,si: path, r8,r9: Context */
  kGoProbeEchoFind = 19,
  /* github.com/gorilla/mux.routeRegexpGroup.setMatch (by value: ax: host, bx: path) */
  kGoProbeMuxSetMatch = 20,
  /* the same with a pointer receiver, older mux; ax: *routeRegexpGroup {host, path, ...} */
  kGoProbeMuxSetMatchPointer = 21,
  /* runtime.gopanic; entry; ax,bx: what with */
  kGoProbePanic = 22,
  /* net/http.(*response).Hijack; entry; ax: *response */
  kGoProbeHijack = 23,
  /* net/http.(*Transport).roundTrip, behind its call of (*persistConn).roundTrip; ax: *Response, bx,cx:
   * error. With an error in bx it is not the end: it may be tried again, or return (see RoundTripEnd). */
  kGoProbeRoundTripAnswer = 24,
  /* net/http.(*ServeMux).ServeHTTP; entry; ax: mux, bx,cx: ResponseWriter, di: *Request. Says nothing by
   * itself: where a middleware has handed on a copy of the request (Request.WithContext), only that
   * copy gets the pattern. One hit more for each request that goes through a ServeMux. */
  kGoProbeServeMux = 25,
  /* net/http.(*http2serverConn).processHeaders; entry; ax: sc, bx: *http2MetaHeadersFrame. It, and the
   * two below, are hit once a request, before the request begins; only where traces are wanted. */
  kGoProbeHttp2Headers = 26,
  kGoProbeXnetHeaders = 27, /* the same of golang.org/x/net/http2 */
  /* transport.(*http2Server).operateHeaders; entry; ax: t, *http2.MetaHeadersFrame in bx, or in di: grpc
   * >= 1.60, where a context stands before it */
  kGoProbeGrpcHeaders = 28,
  /* net/http.(*response).WriteHeader; entry; ax: *response. Only beside a probe of gin or echo: the last
   * moment at which their context is surely still that of the request. */
  kGoProbeWriteHeader = 29,
  kGoProbeHttp2WriteHeader = 30, /* net/http.(*http2responseWriter).WriteHeader; likewise */
  /* crypto/tls.(*Conn).SetWriteDeadline; entry; ax: *Conn. Go >= 1.20: net/http.(*conn).serve calls it
   * behind finishRequest, so that it ends a request under TLS, and plain ones do not pass it. So do
   * others; of net/http's own call handlerDone is set. */
  kGoProbeTlsDone = 31,
  /* Where the compiler has inlined ServeHttp, FinishRequest or Http2Done, what stands in for them:
   * docs/design/0016-inlined-ends.md. */
  /* net/http.(*connReader).startBackgroundRead; entry; ax: *connReader. Begin of a request without a body,
   * and the end of another's body. */
  kGoProbeHttp1NoBody = 32,
  /* net/http.(*body).registerOnHitEOF; entry; ax: *body, bx: closure of startBackgroundRead, its receiver
   * 8 bytes further. Begin of a request with a body. */
  kGoProbeHttp1Body = 33,
  /* net/http.(*connReader).abortPendingRead; entry; ax: *connReader. End where handlerDone is set. */
  kGoProbeHttp1Abort = 34,
  /* net/http.(*http2responseWriter).FlushError, or Flush; entry; ax: *responseWriter. Likewise. */
  kGoProbeHttp2Flush = 35,
  kGoProbeXnetFlush = 36, /* the same of golang.org/x/net/http2 */
  kGoProbes = 37,
};

/* What a record says. */
enum go_call {
  kGoCallNone = 0,
  kGoHttp1Begin = 1,  /* short. call: *response; flag kGoTls. Only under TLS or where traces are wanted */
  kGoHttp1End = 2,    /* only under TLS. call: as at the begin */
  kGoHttp2Begin = 3,  /* short. call: *responseWriter; owner: *serverConn; status: stream id */
  kGoHttp2End = 4,    /* call: as at the begin */
  kGoHttp2Panic = 5,  /* short. owner: *serverConn; status: stream id */
  kGoGrpcBegin = 6,   /* call: *ServerStream; owner: the transport; status: stream id, 0: answered by
                         net/http; target: full method */
  kGoGrpcEnd = 7,     /* short with address. call, owner: as at the begin; status: gRPC code. flag
                         kGoInHttp: answered by net/http; context is the ResponseWriter's data
                         pointer, the `call` of that HTTP exchange */
  kGoClientBegin = 8, /* call: *Request; method, target: URL path, name: host; flag kGoTls: https */
  kGoClientLink = 9,  /* short. call: *Request; connection_id: of the socket it is sent on, 0: unknown;
                         flag kGoTls */
  kGoClientEnd = 10,  /* short. goroutine: as at the begin; status, or kGoFailed */
  kGoGrpcClientBegin = 11, /* call: *clientStream; target: method, name: authority */
  kGoGrpcClientRetry = 12, /* short. call; status: of the attempt that failed */
  kGoGrpcClientEnd = 13,   /* short. call; status: gRPC code */
  kGoRoute = 14,      /* name: empty; target: the route, of the request that the goroutine serves;
                         connection_id: of the answer's socket, 0: unknown; owner: over HTTP/1 when its
                         handler began, as in the begin's header, 0: unknown */
  kGoPanic = 15,      /* goroutine panics; it may recover. call, method, name, target: of the request that
                         it serves, else short and 0; owner: as of a route; flag kGoFailed: with http.ErrAbortHandler, by
                         which a handler gives its answer up */
  kGoHijack = 16,     /* call: *response; method, name, target */
  kGoTraceParent = 17, /* comes before the begin. HTTP/2, gRPC: owner, status: as there; name: value of
                          the request's only `traceparent`. HTTP/1 under TLS: call: as there; target:
                          what was read up to the end of the head, the last kGoHeadBytes of it */
  kGoCalls = 18,
};

enum go_call_flag {
  kGoTls = 1,
  kGoFailed = 2, /* an error instead of an answer */
  kGoInHttp = 4,
  kGoMorePieces = 8, /* kGoRoute: a longer template of the same request may follow */
  /* kGoRoute: its target follows the event_call at once, to the end of the record, and status is how
   * long the text is. A third of the bytes, for what each request has. */
  kGoBareTarget = 16,
};

/* All records begin so, the short ones end so. */
struct event_call {
  struct event_header header;  /* connection_id: see above, else 0 */
  struct process_key process;
  uint64_t goroutine; /* address of its g; event_data.goroutine has the same */
  uint64_t goroutine_id;        /* 0: unknown */
  uint64_t parent_goroutine_id; /* likewise */
  uint64_t call;    /* what pairs begin and end */
  uint64_t owner;
  uint64_t context; /* data pointer of the context.Context of the request; 0 for HTTP/1 and clients
                     * where no traces are wanted */
  uint32_t kind;    /* go_call */
  uint32_t flags;   /* go_call_flag */
  int64_t request_bytes;  /* of the body; -1: unknown */
  int64_t response_bytes; /* likewise; no exporter has a use for it yet, recordings keep it */
  uint32_t status;        /* 0: none was set */
  uint16_t remote_port;   /* host order; 0: no address */
  uint16_t padding;
  uint8_t remote_address[16];
};
ABI_OFFSET(event_call, goroutine, 40);
ABI_OFFSET(event_call, kind, 88);
ABI_OFFSET(event_call, request_bytes, 96);
ABI_OFFSET(event_call, remote_address, 120);
ABI_ASSERT(sizeof(struct event_call) == 136);

enum { kGoAncestors = 10, kGoMethodBytes = 24, kGoNameBytes = 128, kGoTargetBytes = 1024 };
enum { kGoHeadBytes = kGoTargetBytes };

/* Follows in records that are not short; target_copied bytes of the target, no more, end the
 * record. A text longer than its field is cut: its length says how long it was. */
struct event_call_texts {
  /* Begin of clients, where traces are wanted, and of gRPC that net/http answers: contexts that `context` was derived from, nearest first, ended by 0. */
  uint64_t ancestors[kGoAncestors];
  uint32_t method_length;
  uint32_t name_length; /* servers: the client's "address:port"; clients: host or authority */
  uint32_t target_length;
  uint32_t target_copied;
  uint8_t method[kGoMethodBytes];
  uint8_t name[kGoNameBytes];
};
ABI_OFFSET(event_call_texts, method_length, 80);
ABI_OFFSET(event_call_texts, method, 96);
ABI_ASSERT(sizeof(struct event_call_texts) == 248);

#ifdef __cplusplus
}  // namespace beyla::abi
#endif
