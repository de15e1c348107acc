package answers

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

var client = &http.Client{
	Timeout: 20 * time.Second,
	Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // the certificate is made at the backend's start
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
	},
}

type job struct {
	ctx  context.Context
	url  string
	done chan<- outcome
}

type outcome struct {
	status int
	err    error
}

// The workers of the pool were started long before the request came: no goroutine of theirs descends from its own.
var jobs = make(chan job)

func init() {
	for worker := 0; worker < 4; worker++ {
		go func() {
			for next := range jobs {
				next.done <- get(next.ctx, next.url)
			}
		}()
	}
}

func get(ctx context.Context, url string) outcome {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return outcome{0, err}
	}
	answer, err := client.Do(request)
	if err != nil {
		return outcome{0, err}
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return outcome{0, err}
	}
	return outcome{answer.StatusCode, nil}
}

func inGoroutine(ctx context.Context, url string) outcome {
	done := make(chan outcome)
	go func() { done <- get(ctx, url) }()
	return <-done
}

func inGroup(ctx context.Context, url string) outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	var result outcome
	group.Add(1)
	go func() {
		defer group.Done()
		result = get(ctx, url)
	}()
	group.Wait()
	return result
}

func inPool(ctx context.Context, url string) outcome {
	done := make(chan outcome, 1)
	jobs <- job{ctx, url, done}
	return <-done
}

// Out asks url= as how= says, with the request's context, and answers with the status it got; 502 when it got none.
func Out(writer http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	ways := map[string]func(context.Context, string) outcome{
		"direct": get, "go": inGoroutine, "group": inGroup, "pool": inPool,
	}
	way, known := ways[query.Get("how")]
	if !known {
		way = get
	}
	result := way(request.Context(), query.Get("url"))
	if result.err != nil {
		writer.WriteHeader(http.StatusBadGateway)
		return
	}
	fmt.Fprintf(writer, "%d\n", result.status)
}
