//go:build !go1.22

package servemux

import (
	"net/http"

	"target/answers"
)

// Before Go 1.22 a ServeMux knows prefixes only, and no request remembers which one it matched.
func Routes() http.Handler {
	mux := http.NewServeMux()
	for _, prefix := range []string{"/hello", "/users/", "/api/v1/items/", "hosted.test/hosted/"} {
		mux.HandleFunc(prefix, answers.Answer)
	}
	mux.HandleFunc("/stream", answers.Stream)
	mux.HandleFunc("/silent", answers.Silent)
	mux.HandleFunc("/panic", answers.Panic)
	mux.HandleFunc("/hijack", answers.Hijack)
	mux.HandleFunc("/out", answers.Out)
	mux.HandleFunc("/rawfirst", answers.RawFirst)
	mux.HandleFunc("/deep", answers.Deep)
	return mux
}
