// Target: gorilla/mux with sub-routers. Usage: mux [-tls] [-profile FILE] PORT
package main

import (
	"net/http"

	"github.com/gorilla/mux"

	"target/answers"
	"target/listen"
)

func routes() http.Handler {
	router := mux.NewRouter()
	router.HandleFunc("/hello", answers.Answer)
	router.HandleFunc("/users/{id}", answers.Answer)
	router.HandleFunc("/users/{id}/orders/{rest:.*}", answers.Answer)
	items := router.PathPrefix("/api").Subrouter().PathPrefix("/v1").Subrouter()
	items.HandleFunc("/items/{item:[0-9]+}", answers.Answer).Methods(http.MethodGet)
	items.Use(answers.WithContext)
	router.Host("hosted.test").Path("/hosted/{name}").HandlerFunc(answers.Answer)
	router.HandleFunc("/stream", answers.Stream)
	router.HandleFunc("/silent", answers.Silent)
	router.HandleFunc("/panic", answers.Panic)
	router.HandleFunc("/hijack", answers.Hijack)
	router.HandleFunc("/out", answers.Out)
	router.HandleFunc("/rawfirst", answers.RawFirst)
	router.HandleFunc("/deep", answers.Deep)
	return router
}

func main() {
	listener := listen.Start()
	listen.HTTP(&http.Server{Handler: answers.WithContext(routes())}, listener)
}
