//go:build go1.22

package servemux

import (
	"net/http"

	"target/answers"
)

// Routes are those of all targets.
func Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", answers.Answer)
	mux.HandleFunc("/users/{id}", answers.Answer)
	mux.HandleFunc("/users/{id}/orders/{rest...}", answers.Answer)
	mux.HandleFunc("GET /api/v1/items/{item}", answers.Answer)
	mux.HandleFunc("hosted.test/hosted/{name}", answers.Answer)
	mux.HandleFunc("/stream", answers.Stream)
	mux.HandleFunc("/silent", answers.Silent)
	mux.HandleFunc("/panic", answers.Panic)
	mux.HandleFunc("/hijack", answers.Hijack)
	mux.HandleFunc("/out", answers.Out)
	mux.HandleFunc("/rawfirst", answers.RawFirst)
	mux.HandleFunc("/deep", answers.Deep)
	return mux
}
