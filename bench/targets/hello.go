// A target of the bench: net/http with the shortest handler. Usage: hello PORT
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	hello := func(writer http.ResponseWriter, _ *http.Request) { io.WriteString(writer, "hello\n") }
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(hello)))
}
