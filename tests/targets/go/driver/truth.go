package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sort"
	"sync"
)

// serverRow says how many requests of a path were sent, and what must be seen of them at the server.
type serverRow struct {
	Method       string  `json:"method"`
	Path         string  `json:"path"`
	Route        string  `json:"route"` // empty: none is known
	Status       int     `json:"status"`
	Count        int     `json:"count"`
	BodyBytes    int     `json:"body_bytes"`    // of each request
	DelaySeconds float64 `json:"delay_seconds"` // that the handlers were told to wait, in all
}

// clientRow says how many calls the server made. Status 0: no answer came.
type clientRow struct {
	Method  string `json:"method"`
	Address string `json:"address"`
	Status  int    `json:"status"`
	Count   int    `json:"count"`
}

// traceRow is a request that carried a traceparent.
type traceRow struct {
	Path    string `json:"path"`
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"` // the parent of what the server does
}

type truth struct {
	Server  []serverRow `json:"server"`
	Client  []clientRow `json:"client"`
	Traces  []traceRow  `json:"traces"`
	Failed  int         `json:"failed"` // that ended otherwise than the step says
	Wrong   []string    `json:"wrong"`  // the first of them
	Hash    string      `json:"hash"`   // of all answers, whatever their order
	Seconds float64     `json:"seconds"`
}

const wrongShown = 10

type ledger struct {
	mutex  sync.Mutex
	server map[serverRow]int
	client map[clientRow]int
	traces []traceRow
	failed int
	wrong  []string
	hash   uint64
}

func newLedger() *ledger {
	return &ledger{server: map[serverRow]int{}, client: map[clientRow]int{}}
}

func (l *ledger) take(next step, spelled string, answer []byte) {
	sum := sha256.Sum256(append([]byte(fmt.Sprintf("%s %s %d ", next.method, next.path, next.status)), answer...))
	row := serverRow{
		Method: next.method, Path: next.path, Route: routeOf(spelled, next.kind), Status: next.status,
		BodyBytes: next.body, DelaySeconds: next.delay.Seconds(),
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.hash += binary.LittleEndian.Uint64(sum[:])
	l.server[row]++
}

func (l *ledger) takeOutgoing(address string, status int) {
	if status == refused {
		status = 0
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.client[clientRow{Method: "GET", Address: address, Status: status}]++
}

func (l *ledger) takeTrace(row traceRow) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.traces = append(l.traces, row)
}

func (l *ledger) fail(next step, why interface{}) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.failed++
	if len(l.wrong) < wrongShown {
		l.wrong = append(l.wrong, fmt.Sprintf("%s %s?%s: %v", next.method, next.path, next.query, why))
	}
}

func (l *ledger) truth() truth {
	all := truth{
		Server: []serverRow{}, Client: []clientRow{}, Traces: append([]traceRow{}, l.traces...), Failed: l.failed, Wrong: append([]string{}, l.wrong...),
		Hash: fmt.Sprintf("%016x", l.hash),
	}
	for row, count := range l.server {
		row.Count = count
		row.DelaySeconds *= float64(count)
		all.Server = append(all.Server, row)
	}
	for row, count := range l.client {
		row.Count = count
		all.Client = append(all.Client, row)
	}
	sort.Slice(all.Server, func(a, b int) bool {
		return fmt.Sprint(all.Server[a]) < fmt.Sprint(all.Server[b])
	})
	sort.Slice(all.Client, func(a, b int) bool {
		return fmt.Sprint(all.Client[a]) < fmt.Sprint(all.Client[b])
	})
	return all
}
