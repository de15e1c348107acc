// A target of the matrix: Go net/http. Usage: go_server PORT LOG. The contract is in tests/matrix/README.md.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type server struct{ requests *os.File }

func statusOf(path string) int {
	if status, err := strconv.Atoi(strings.TrimPrefix(path, "/status/")); err == nil {
		return status
	}
	return http.StatusOK
}

func (s server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	answer, err := io.ReadAll(request.Body)
	if err != nil {
		log.Print(err)
		return
	}
	if len(answer) == 0 {
		answer = []byte("answered\n")
	}
	status := statusOf(request.URL.Path)
	fmt.Fprintf(s.requests, "%s %d\n", request.Method, status)
	if status == http.StatusMovedPermanently {
		writer.Header().Set("Location", "/hello")
	}
	writer.WriteHeader(status)
	if status != http.StatusNoContent {
		writer.Write(answer)
	}
}

func main() {
	requests, err := os.OpenFile(os.Args[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], server{requests}))
}
