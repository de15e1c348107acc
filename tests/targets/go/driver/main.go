// The driver sends a known number of requests of each kind to a target and prints as JSON what is true of them.
//
//	driver http -url http://127.0.0.1:PORT -routes patterns|prefixes|mux|gin [-protocol h1|h2|h2c] [-passes N]
//	    [-connections N] [-out=false] [-broken=false] [-pipelined N] [-backend-tls] [-fresh] [-kinds K,K]
//	driver load -url URL [-protocol P] [-connections N] [-seconds N]
//	driver deep -url URL [-passes N] [-connections N] [-depth N] [-goroutines N]
//	driver grpc -address 127.0.0.1:PORT [-tls] [-passes N] [-connections N]
//	driver grpcload -address 127.0.0.1:PORT [-tls] [-connections N] [-seconds N]
//
// The loads end after their seconds, or by SIGTERM.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"target/calls"
)

type driver struct {
	base, protocol, spelled string
	fresh                   bool
	books                   *ledger
}

type options struct {
	passes, connections, pipelined, depth, goroutines int
	seconds                                           float64
	out, broken, backendTLS, tls                      bool
	address, kinds                                    string
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: driver http|load|deep|grpc|grpcload [flags]")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	d := driver{books: newLedger()}
	var o options
	flags.StringVar(&d.base, "url", "", "of the target, without a path")
	flags.StringVar(&d.protocol, "protocol", "h1", "h1, h2 or h2c")
	flags.StringVar(&d.spelled, "routes", "patterns", "patterns, prefixes, mux or gin")
	flags.IntVar(&o.passes, "passes", 5, "over all steps, for each connection")
	flags.IntVar(&o.connections, "connections", 2, "at once")
	flags.IntVar(&o.pipelined, "pipelined", 0, "pairs of requests sent in one write")
	flags.IntVar(&o.depth, "depth", 5000, "of the handler's recursion")
	flags.IntVar(&o.goroutines, "goroutines", 0, "that the handler starts")
	flags.Float64Var(&o.seconds, "seconds", 3, "of load")
	flags.BoolVar(&o.out, "out", true, "make the target ask a backend")
	flags.BoolVar(&o.broken, "broken", true, "ask for panics and hijacked connections")
	flags.BoolVar(&o.backendTLS, "backend-tls", false, "the backend speaks TLS")
	flags.BoolVar(&d.fresh, "fresh", false, "a connection for each request")
	flags.BoolVar(&o.tls, "tls", false, "gRPC over TLS")
	flags.StringVar(&o.kinds, "kinds", "", "of requests, separated by commas; all")
	flags.StringVar(&o.address, "address", "", "of the gRPC target")
	flags.Parse(os.Args[2:])
	if err := run(os.Args[1], d, o); err != nil {
		log.Fatal(err)
	}
}

func run(what string, d driver, o options) error {
	started := time.Now()
	switch what {
	case "grpc":
		return callAll(o, calls.Passes(o.passes))
	case "grpcload":
		goOn := until(o.seconds)
		return callAll(o, func(int) bool { return goOn() })
	case "http":
		if err := d.everything(o); err != nil {
			return err
		}
	case "load":
		d.load(o)
	case "deep":
		d.deep(o)
	default:
		return fmt.Errorf("%s: not one of http, load, deep, grpc, grpcload", what)
	}
	all := d.books.truth()
	all.Seconds = time.Since(started).Seconds()
	return json.NewEncoder(os.Stdout).Encode(all)
}

func callAll(o options, more func(int) bool) error {
	all, err := calls.Run(o.address, o.tls, calls.Load{More: more, Connections: o.connections})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// until makes a function that is true for so long, or until SIGTERM.
func until(seconds float64) func() bool {
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	terminated, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	return func() bool { return terminated.Err() == nil && time.Now().Before(end) }
}

func (d *driver) everything(o options) error {
	steps := plainSteps()
	if o.out {
		backend, err := startBackend(o.backendTLS)
		if err != nil {
			return err
		}
		nobody, err := unusedAddress()
		if err != nil {
			return err
		}
		steps = append(steps, outSteps(backend, nobody)...)
	}
	steps = only(o.kinds, steps)
	d.onEach(o.connections, func(send func(step)) {
		for pass := 0; pass < o.passes; pass++ {
			for _, next := range steps {
				send(next)
			}
		}
	})
	if o.broken {
		d.sendBroken(o.passes)
	}
	for pair := 0; pair < o.pipelined; pair++ {
		d.pipeline([]step{
			{method: "GET", path: "/users/21", query: "n=1", kind: "users", status: 200},
			{method: "GET", path: "/rawfirst", query: "n=2", kind: "rawfirst", status: 200},
		})
	}
	return nil
}

func only(kinds string, all []step) []step {
	var chosen []step
	for _, next := range all {
		if kinds == "" || strings.Contains(","+kinds+",", ","+next.kind+",") {
			chosen = append(chosen, next)
		}
	}
	return chosen
}

func (d *driver) sendBroken(passes int) {
	for pass := 0; pass < passes; pass++ {
		for _, next := range brokenSteps(d.protocol != "h1") {
			if next.kind == "panic" {
				d.sendPanic(next)
			} else {
				d.sendHijack(next)
			}
		}
	}
}

func (d *driver) onEach(connections int, work func(send func(step))) {
	var group sync.WaitGroup
	for index := 0; index < connections; index++ {
		group.Add(1)
		go func() {
			defer group.Done()
			connection := client(d.protocol, d.fresh)
			defer connection.CloseIdleConnections()
			work(func(next step) { d.send(connection, next) })
		}()
	}
	group.Wait()
}

func (d *driver) load(o options) {
	goOn := until(o.seconds)
	d.onEach(o.connections, func(send func(step)) {
		for index := 0; goOn(); index++ {
			switch index % 3 {
			case 0:
				send(step{method: "GET", path: "/hello", kind: "hello", status: 200})
			case 1:
				send(step{method: "GET", path: fmt.Sprintf("/users/%d", index%10), kind: "users", status: 200})
			default:
				send(step{method: "GET", path: "/rawfirst", query: "n=1", kind: "rawfirst", status: 200})
			}
		}
	})
}

func (d *driver) deep(o options) {
	query := fmt.Sprintf("depth=%d&goroutines=%d", o.depth, o.goroutines)
	d.onEach(o.connections, func(send func(step)) {
		for pass := 0; pass < o.passes; pass++ {
			send(step{method: "GET", path: "/deep", query: query, kind: "deep", status: 200})
		}
	})
}
