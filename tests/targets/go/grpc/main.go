// Target: gRPC-Go. As a server it serves with its own transport (native), under net/http (handler), or shares the port
// with net/http (both); as a client it makes calls and prints what it saw.
// Usage: grpc [-tls] [-serve native|handler|both] [-profile FILE] PORT
//
//	grpc -call ADDRESS [-tls] [-passes N] [-connections N] [-refused N] [-hold]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"target/answers"
	"target/calls"
	"target/listen"
	"target/servemux"
)

var (
	how         = flag.String("serve", "native", "native, handler or both")
	address     = flag.String("call", "", "be a client of this server")
	passes      = flag.Int("passes", 5, "over all kinds of call, for each connection")
	connections = flag.Int("connections", 2, "at once")
	hold        = flag.Bool("hold", false, "call once a line comes in on standard input")
	refused     = flag.Int("refused", 0, "calls to a port that nobody listens on")
)

func newServer(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	server.RegisterService(&calls.Description, struct{}{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	return server
}

func serveNatively(listener net.Listener) error {
	if !listen.WithTLS() {
		return newServer().Serve(listener)
	}
	certificate := listen.Certificate()
	return newServer(grpc.Creds(credentials.NewServerTLSFromCert(&certificate))).Serve(listener)
}

func isCall(request *http.Request) bool {
	return strings.HasPrefix(request.Header.Get("Content-Type"), "application/grpc")
}

func serveByHandler(listener net.Listener, withHTTP bool) {
	inner := newServer()
	var handler http.Handler = inner
	if withHTTP {
		others := answers.WithContext(servemux.Routes())
		handler = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			if isCall(request) {
				inner.ServeHTTP(writer, request)
			} else {
				others.ServeHTTP(writer, request)
			}
		})
	}
	if !listen.WithTLS() {
		handler = h2c.NewHandler(handler, &http2.Server{})
	}
	listen.HTTP(&http.Server{Handler: handler}, listener)
}

func beClient() {
	if *hold {
		bufio.NewReader(os.Stdin).ReadString('\n')
	}
	load := calls.Load{More: calls.Passes(*passes), Connections: *connections, Refused: *refused}
	truth, err := calls.Run(*address, listen.WithTLS(), load)
	if err != nil {
		log.Fatal(err)
	}
	json.NewEncoder(os.Stdout).Encode(truth)
}

func main() {
	flag.Parse()
	if *address != "" {
		beClient()
		return
	}
	listener := listen.Start()
	if *how == "native" {
		log.Fatal(serveNatively(listener))
	}
	serveByHandler(listener, *how == "both")
}
