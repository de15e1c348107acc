// Target: HTTP/2 without TLS by golang.org/x/net, HTTP/1 beside it; with -tls x/net's HTTP/2 in place of the one that
// net/http brings. Usage: h2c [-tls] [-profile FILE] PORT
package main

import (
	"log"
	"net/http"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"

	"target/answers"
	"target/listen"
	"target/servemux"
)

func main() {
	listener := listen.Start()
	protocol := &http2.Server{}
	server := &http.Server{Handler: answers.WithContext(servemux.Routes())}
	if listen.WithTLS() {
		if err := http2.ConfigureServer(server, protocol); err != nil {
			log.Fatal(err)
		}
	} else {
		server.Handler = h2c.NewHandler(server.Handler, protocol)
	}
	listen.HTTP(server, listener)
}
