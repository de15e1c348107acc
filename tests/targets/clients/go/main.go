// A client of the matrix: Go net/http. Usage: go_client URL COUNT keep-alive|close MIX SEED CONNECTIONS.
// The contract is in tests/matrix/README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

type step struct {
	method, path string
	bodyBytes    int
	chunked      bool
}

func readMix(path string) []step {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	var mix []step
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		mix = append(mix, step{words[0], words[1], number(words[2]), words[3] == "chunked"})
	}
	return mix
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// A reader whose length net/http cannot see is sent in chunks.
func (s step) body() io.Reader {
	switch body := strings.NewReader(strings.Repeat("x", s.bodyBytes)); {
	case s.bodyBytes == 0:
		return nil
	case s.chunked:
		return struct{ io.Reader }{body}
	default:
		return body
	}
}

func send(client *http.Client, url string, s step) (int, error) {
	request, err := http.NewRequest(s.method, url+s.path, s.body())
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

func main() {
	url, count, mode := os.Args[1], int64(number(os.Args[2])), os.Args[3]
	mix, seed, connections := readMix(os.Args[4]), number(os.Args[5]), number(os.Args[6])
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives:   mode == "close",
			MaxIdleConnsPerHost: connections,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var next atomic.Int64
	var lock sync.Mutex
	var workers sync.WaitGroup
	counts := map[string]int{}
	failed := false
	for started := 0; started < connections; started++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for index := next.Add(1) - 1; index < count; index = next.Add(1) - 1 {
				s := mix[(seed+int(index))%len(mix)]
				status, err := send(client, url, s)
				lock.Lock()
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					failed = true
				} else {
					counts[fmt.Sprintf("%s %d", s.method, status)]++
				}
				lock.Unlock()
			}
		}()
	}
	workers.Wait()
	json.NewEncoder(os.Stdout).Encode(counts)
	if failed {
		os.Exit(1)
	}
}
