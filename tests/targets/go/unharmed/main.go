// Target: a server that is its own client. For each line that comes in it sends itself ROUNDS of requests from several
// goroutines and prints a sum of all answers; once its standard input ends, it ends with a code made of that. What it
// prints depends on nothing else. Usage: unharmed [-rounds N] PORT
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"hash/crc64"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"target/answers"
	"target/listen"
	"target/servemux"
)

const workers = 4

var (
	rounds = flag.Int("rounds", 20, "of requests for each line")
	table  = crc64.MakeTable(crc64.ECMA)
	client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: workers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
)

// paths lead through growing stacks, panics, flushed pieces, other goroutines and handlers that never write.
func paths(worker, round int) []string {
	return []string{
		fmt.Sprintf("/users/%d?size=%d", worker, round*37%5000),
		fmt.Sprintf("/users/%d/orders/%d/x?status=%d", worker, round, 200+round%300),
		fmt.Sprintf("/deep?depth=%d&goroutines=%d", 500+round*131%4000, round%9),
		"/stream?pieces=5&size=700", "/silent", "/panic",
		fmt.Sprintf("/rawfirst?n=%d", round),
		"/hello?status=301",
	}
}

func ask(sum uint64, url string, body []byte) uint64 {
	answer, err := client.Post(url, "text/plain", bytes.NewReader(body))
	if err != nil { // a panic closes the connection
		return crc64.Update(sum, table, []byte("no answer"))
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return crc64.Update(sum, table, append([]byte(fmt.Sprintln(answer.StatusCode, err)), content...))
}

func work(base string, worker int) uint64 {
	sum := uint64(worker)
	for round := 0; round < *rounds; round++ {
		for _, path := range paths(worker, round) {
			sum = ask(sum, base+path, []byte(strings.Repeat("b", round%50)))
		}
	}
	return sum
}

func batch(base string) uint64 {
	var sums [workers]uint64
	var group sync.WaitGroup
	for worker := range sums {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			sums[worker] = work(base, worker)
		}(worker)
	}
	group.Wait()
	return crc64.Checksum([]byte(fmt.Sprint(sums)), table)
}

func main() {
	listener := listen.Start()
	server := &http.Server{Handler: answers.WithContext(servemux.Routes()), ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	lines := bufio.NewScanner(os.Stdin)
	var sum uint64
	for count := 1; lines.Scan(); count++ {
		sum = sum*31 + batch("http://"+listener.Addr().String())
		fmt.Printf("batch %d sum %016x\n", count, sum)
	}
	os.Exit(30 + int(sum%60))
}
