// A target of the bench: net/http with a route and the shortest handler, without TLS.
// Usage: routes PORT

//go:debug httpmuxgo121=0
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	hello := func(writer http.ResponseWriter, _ *http.Request) { io.WriteString(writer, "hello\n") }
	http.HandleFunc("/{page...}", hello)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
