// Target: net/http alone, plain or with TLS. Usage: nethttp [-tls] [-h2c] [-profile FILE] PORT
package main

import (
	"flag"
	"log"
	"net/http"

	"target/answers"
	"target/listen"
	"target/servemux"
)

var unencrypted = flag.Bool("h2c", false, "serve HTTP/2 without TLS beside HTTP/1 (Go 1.24 and later)")

func main() {
	listener := listen.Start()
	server := &http.Server{Handler: answers.WithContext(servemux.Routes())}
	if *unencrypted {
		if err := allowUnencryptedHTTP2(server); err != nil {
			log.Fatal(err)
		}
	}
	listen.HTTP(server, listener)
}
