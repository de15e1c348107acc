// Target: net/http alone, plain or with TLS. Usage: nethttp [-tls] [-h2c] [-deadlines] [-profile FILE] PORT
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"target/answers"
	"target/listen"
	"target/servemux"
)

var unencrypted = flag.Bool("h2c", false, "serve HTTP/2 without TLS beside HTTP/1 (Go 1.24 and later)")
var deadlines = flag.Bool("deadlines", false, "the server has a WriteTimeout, and handlers move their deadlines")

// Before and behind a handler, as by http.ResponseController (Go 1.20 and later; others do nothing).
func movingDeadlines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		move := func() {
			if moving, ok := w.(interface{ SetWriteDeadline(time.Time) error }); ok {
				moving.SetWriteDeadline(time.Now().Add(time.Minute))
			}
		}
		move()
		next.ServeHTTP(w, r)
		move()
	})
}

func main() {
	listener := listen.Start()
	server := &http.Server{Handler: answers.WithContext(servemux.Routes())}
	if *deadlines {
		server.WriteTimeout = time.Minute
		server.Handler = movingDeadlines(server.Handler)
	}
	if *unencrypted {
		if err := allowUnencryptedHTTP2(server); err != nil {
			log.Fatal(err)
		}
	}
	listen.HTTP(server, listener)
}
