package main

import (
	"fmt"
	"net/url"
	"time"
)

// step is one kind of request, and what an observer of the server must see of it.
type step struct {
	method, path, query string
	kind                string // what `spelling` calls its route
	status              int
	host                string
	body                int // bytes
	delay               time.Duration
	withContext         bool // a middleware hands a copy of the request on
	traced              bool // carries a traceparent of its own
	outgoing            int  // what the server gets from a call of its own; -1: nobody answers, 0: it makes none
}

const refused = -1

// The framework's own spelling of each route. A kind that has none is one that no request remembers.
var spelling = map[string]map[string]string{
	"patterns": { // net/http from Go 1.22 on
		"hello": "/hello", "users": "/users/{id}", "orders": "/users/{id}/orders/{rest...}",
		"items": "/api/v1/items/{item}", "hosted": "/hosted/{name}",
	},
	"prefixes": nil, // net/http before
	"mux": {
		"hello": "/hello", "users": "/users/{id}", "orders": "/users/{id}/orders/{rest:.*}",
		"items": "/api/v1/items/{item:[0-9]+}", "hosted": "/hosted/{name}",
	},
	"gin": {
		"hello": "/hello", "users": "/users/:id", "orders": "/users/:id/orders/*rest",
		"items": "/api/v1/items/:item", "hosted": "/hosted/:name",
	},
}

func routeOf(spelled, kind string) string {
	if kind == "missing" || spelled == "prefixes" {
		return ""
	}
	if route, special := spelling[spelled][kind]; special {
		return route
	}
	return "/" + kind // a path of one piece is spelled alike by all
}

func plainSteps() []step {
	return []step{
		{method: "GET", path: "/hello", kind: "hello", status: 200},
		{method: "HEAD", path: "/hello", kind: "hello", status: 200},
		{method: "POST", path: "/hello", kind: "hello", status: 200, body: 70_000},
		{method: "GET", path: "/hello", query: "size=20000", kind: "hello", status: 200},
		{method: "GET", path: "/users/1", kind: "users", status: 200, traced: true},
		{method: "GET", path: "/users/2", query: "status=404", kind: "users", status: 404},
		{method: "PUT", path: "/users/3", query: "status=201", kind: "users", status: 201, body: 600},
		{method: "DELETE", path: "/users/4", query: "status=204", kind: "users", status: 204},
		{method: "POST", path: "/users/5", query: "status=503", kind: "users", status: 503, body: 6},
		{method: "GET", path: "/users/6", query: "delay=50ms", kind: "users", status: 200, delay: 50 * time.Millisecond},
		{method: "GET", path: "/users/7", kind: "users", status: 200, withContext: true},
		{method: "GET", path: "/users/8/orders/9/lines/10", kind: "orders", status: 200},
		{method: "GET", path: "/api/v1/items/11", kind: "items", status: 200},
		{method: "GET", path: "/api/v1/items/12", kind: "items", status: 200, withContext: true},
		{method: "GET", path: "/hosted/name", kind: "hosted", status: 200, host: "hosted.test"},
		{method: "GET", path: "/missing", kind: "missing", status: 404},
		{method: "GET", path: "/stream", query: "pieces=6&size=1500", kind: "stream", status: 200},
		{method: "GET", path: "/silent", kind: "silent", status: 200},
		{method: "GET", path: "/rawfirst", query: "n=1", kind: "rawfirst", status: 200},
	}
}

// outSteps make the server ask the backend in each of its ways, and once a port where nobody listens.
func outSteps(backend, nobody string) []step {
	var steps []step
	for _, how := range []string{"direct", "go", "group", "pool"} {
		asked := fmt.Sprintf("%s/asked/%s", backend, how)
		steps = append(steps, step{
			method: "GET", path: "/out", query: "how=" + how + "&url=" + url.QueryEscape(asked), kind: "out", status: 200,
			outgoing: 200, traced: how == "go",
		})
	}
	missing := backend + "/asked/missing?status=404"
	return append(steps,
		step{method: "GET", path: "/out", query: "url=" + url.QueryEscape(missing), kind: "out", status: 200, outgoing: 404},
		step{method: "GET", path: "/out", query: "url=" + url.QueryEscape(nobody), kind: "out", status: 502, outgoing: refused},
	)
}

// brokenSteps end without an answer, or as another protocol; each on a connection of its own.
func brokenSteps(http2 bool) []step {
	steps := []step{{method: "GET", path: "/panic", kind: "panic", status: 500}}
	if !http2 {
		steps = append(steps, step{method: "GET", path: "/hijack", kind: "hijack", status: 101})
	}
	return steps
}
