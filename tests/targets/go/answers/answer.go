// Package answers has what all HTTP targets do under their routes; a query says how long, with what status and size.
// It is built by Go 1.17 too.
package answers

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func number(query url.Values, name string, otherwise int) int {
	if value, err := strconv.Atoi(query.Get(name)); err == nil {
		return value
	}
	return otherwise
}

func wait(query url.Values) {
	if delay, err := time.ParseDuration(query.Get("delay")); err == nil {
		time.Sleep(delay)
	}
}

// Answer reads the body, waits delay=, and answers status= with size= bytes, or with a line that tells what came in.
func Answer(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the client is gone
	}
	query := request.URL.Query()
	wait(query)
	status := number(query, "status", http.StatusOK)
	if status == http.StatusMovedPermanently {
		writer.Header().Set("Location", "/hello")
	}
	writer.WriteHeader(status)
	if status == http.StatusNoContent {
		return
	}
	if size := number(query, "size", 0); size > 0 {
		writer.Write(bytes.Repeat([]byte{'x'}, size))
		return
	}
	fmt.Fprintf(writer, "%s %s %08x\n", request.Method, request.URL.Path, crc32.ChecksumIEEE(body))
}

// Stream answers pieces= times size= bytes, each flushed.
func Stream(writer http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	piece := bytes.Repeat([]byte{'s'}, number(query, "size", 1500))
	for left := number(query, "pieces", 4); left > 0; left-- {
		writer.Write(piece)
		if flusher, ok := writer.(http.Flusher); ok {
			flusher.Flush()
		}
		wait(query)
	}
}

// Silent never writes: net/http answers 200 when it returns.
func Silent(http.ResponseWriter, *http.Request) {}

// Panic answers nothing; with ?abort it does so by net/http's own value for that.
func Panic(_ http.ResponseWriter, request *http.Request) {
	if request.URL.RawQuery == "abort" {
		panic(http.ErrAbortHandler)
	}
	panic("as asked")
}

// Hijack takes the connection over, switches protocols, sends one line back and closes.
func Hijack(writer http.ResponseWriter, _ *http.Request) {
	hijacker, ok := writer.(http.Hijacker)
	if !ok {
		http.Error(writer, "not HTTP/1", http.StatusNotImplemented)
		return
	}
	connection, buffered, err := hijacker.Hijack()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	defer connection.Close()
	io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: line\r\nConnection: Upgrade\r\n\r\n")
	if line, err := buffered.ReadString('\n'); err == nil {
		io.WriteString(connection, line)
	}
}
