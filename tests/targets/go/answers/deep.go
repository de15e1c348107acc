package answers

import (
	"fmt"
	"net/http"
	"sync"
)

// Each frame is large enough for a stack to be copied many times on the way down.
func descend(depth int, seed uint64) uint64 {
	var frame [24]uint64
	for index := range frame {
		seed = seed*6364136223846793005 + 1442695040888963407
		frame[index] = seed
	}
	if depth == 0 {
		return seed
	}
	below := descend(depth-1, seed)
	return below ^ frame[int(below%uint64(len(frame)))]
}

// Deep answers from depth= frames below, after goroutines= have each descended a tenth of that and waited for the last.
func Deep(writer http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	depth, count := number(query, "depth", 5000), number(query, "goroutines", 0)
	sums := make([]uint64, count)
	var started, ended sync.WaitGroup
	started.Add(count)
	ended.Add(count)
	for index := 0; index < count; index++ {
		go func(index int) {
			defer ended.Done()
			started.Done()
			started.Wait()
			sums[index] = descend(depth/10, uint64(index))
		}(index)
	}
	ended.Wait()
	var sum uint64
	for _, one := range sums {
		sum ^= one
	}
	writeAtDepth(depth, func() { fmt.Fprintf(writer, "%016x\n", descend(depth, 1)^sum) })
}

// The answer is written far down the stack, where growing it is likely.
func writeAtDepth(depth int, write func()) {
	var frame [16]byte
	if depth == 0 {
		write()
		return
	}
	writeAtDepth(depth-1, write)
	frame[depth%len(frame)]++
}
