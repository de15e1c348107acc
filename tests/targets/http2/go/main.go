// Target: net/http's HTTP/2, in clear text or, with a certificate, by TLS. Usage: http2 PORT [CERTIFICATE KEY]. Its paths
// are those of ../server.js.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

var sizes = map[string]int{"/small": 10, "/large": 300_000, "/huge": 1 << 20}

func answer(w http.ResponseWriter, r *http.Request) {
	size, isFile := sizes[r.URL.Path]
	switch {
	case isFile:
		io.WriteString(w, strings.Repeat("x", size))
	case r.URL.Path == "/slow":
		time.Sleep(300 * time.Millisecond)
	case r.URL.Path == "/empty":
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/same":
		w.WriteHeader(http.StatusNotModified)
	case r.URL.Path == "/early":
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
	case r.URL.Path == "/echo":
		bytes, _ := io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, strconv.FormatInt(bytes, 10))
	case r.URL.Path == "/trailers":
		w.Header().Set("Trailer", "X-Check")
		io.WriteString(w, strings.Repeat("x", 40_000))
		w.Header().Set("X-Check", "sum")
	case r.URL.Path == "/hints":
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "hinted")
	case r.URL.Path == "/bighead":
		w.Header().Set("X-Fill", strings.Repeat("f", 30_000))
		io.WriteString(w, "small")
	default:
		http.NotFound(w, r)
	}
}

func main() {
	server := &http.Server{Addr: "127.0.0.1:" + os.Args[1], Handler: http.HandlerFunc(answer), Protocols: new(http.Protocols)}
	if len(os.Args) > 2 {
		server.Protocols.SetHTTP2(true)
		log.Fatal(server.ListenAndServeTLS(os.Args[2], os.Args[3]))
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	log.Fatal(server.ListenAndServe())
}
