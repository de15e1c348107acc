// Loads a server in short bursts, as load.c does it for plain HTTP/1, and reads the server's CPU time around each.
//
// Usage: go_load WAY PORT WORKERS MILLISECONDS PID...
// WAY: https1, https2, http2, unary, stream. Prints the number of requests, of bursts, and the 5th percentile and the median over
// the bursts of the CPU time of all PIDs, in ns per request.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	requestsPerWorker = 16 // in a burst
	minBursts         = 20
	processClock      = 2 // CPUCLOCK_SCHED, include/linux/posix-timers_types.h
)

// One request with its answer, by the numbered worker.
type exchange func(worker int) error

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		log.Fatalf("%q is no number", text)
	}
	return value
}

func cpuTime(pids []int) (sum int64) {
	for _, pid := range pids {
		var spent unix.Timespec
		// As clock_getcpuclockid(3) makes the clock's name.
		if err := unix.ClockGettime(int32(^pid<<3|processClock), &spent); err != nil {
			log.Fatalf("CPU time of %d: %v", pid, err)
		}
		sum += spent.Nano()
	}
	return sum
}

func burst(workers int, ask exchange) {
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for range requestsPerWorker {
				if err := ask(worker); err != nil {
					log.Fatal(err)
				}
			}
		})
	}
	group.Wait()
}

func main() {
	if len(os.Args) < 6 {
		log.Fatal("usage: go_load WAY PORT WORKERS MILLISECONDS PID...")
	}
	workers, limit := number(os.Args[3]), time.Duration(number(os.Args[4]))*time.Millisecond
	var pids []int
	for _, pid := range os.Args[5:] {
		pids = append(pids, number(pid))
	}
	ask := connect(os.Args[1], "127.0.0.1:"+os.Args[2], workers)
	burst(workers, ask) // opens the connections
	var perRequest []float64
	for end := time.Now().Add(limit); len(perRequest) < minBursts || time.Now().Before(end); {
		before := cpuTime(pids)
		burst(workers, ask)
		perRequest = append(perRequest, float64(cpuTime(pids)-before)/float64(workers*requestsPerWorker))
	}
	slices.Sort(perRequest)
	bursts := len(perRequest)
	fmt.Println((bursts+1)*workers*requestsPerWorker, bursts, perRequest[bursts/20], perRequest[bursts/2])
}
