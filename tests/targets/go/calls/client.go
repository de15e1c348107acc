package calls

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"sort"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const answerTimeout = 30 * time.Second

// Row says how often a method was called and ended with a code, and how long its handlers were told to wait in all.
type Row struct {
	Method       string  `json:"method"`
	Code         int     `json:"code"`
	Count        int     `json:"count"`
	DelaySeconds float64 `json:"delay_seconds"`
}

// Trace is a call that carried a traceparent.
type Trace struct {
	Method  string `json:"method"`
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"` // the parent of what the server does
}

// Truth is what the client saw of all its calls.
type Truth struct {
	RPC    []Row    `json:"rpc"`
	Traces []Trace  `json:"rpc_traces"`
	Wrong  []string `json:"wrong"`
	Hash   string   `json:"hash"` // of all answers, whatever their order
}

type step struct {
	method string
	query  string
	code   codes.Code
	delay  time.Duration
}

var steps = []step{
	{"Unary", "n=1", codes.OK, 0},
	{"Unary", "size=20000", codes.OK, 0},
	{"Unary", "code=5", codes.NotFound, 0},
	{"Unary", "code=10", codes.Aborted, 0},
	{"Unary", "delay=50ms", codes.OK, 50 * time.Millisecond},
	{"ServerStream", "count=4&size=2000", codes.OK, 0},
	{"ServerStream", "code=5", codes.NotFound, 0},
	{"ClientStream", "n=3", codes.OK, 0},
	{"ClientStream", "code=10", codes.Aborted, 0},
	{"Bidirectional", "n=4", codes.OK, 0},
	{"Bidirectional", "code=5", codes.NotFound, 0},
	{"Absent", "n=5", codes.Unimplemented, 0},
}

const (
	messages     = 3 // of a streamed request
	tracedPasses = 4 // of each connection: a load goes on for long
)

// traced says of a step whether its calls carry a traceparent: each kind of call does, and one that nobody knows.
func (s step) traced() bool { return s.code == codes.OK || s.code == codes.Unimplemented }

// Dial never blocks: the connection is made by the first call.
func Dial(address string, withTLS bool) (*grpc.ClientConn, error) {
	how := insecure.NewCredentials()
	if withTLS {
		how = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	}
	return grpc.Dial(address, grpc.WithTransportCredentials(how))
}

func randomHex(bytes int) string {
	made := make([]byte, bytes)
	rand.Read(made)
	return hex.EncodeToString(made)
}

// trace is nil, or goes with the call.
func call(connection *grpc.ClientConn, next step, trace *Trace) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if trace != nil {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", "00-"+trace.TraceID+"-"+trace.SpanID+"-01")
	}
	name := "/" + Service + "/" + next.method
	description := grpc.StreamDesc{StreamName: next.method}
	switch next.method {
	case "ServerStream":
		description.ServerStreams = true
	case "ClientStream":
		description.ClientStreams = true
	case "Bidirectional":
		description.ServerStreams, description.ClientStreams = true, true
	default:
		answer := new(wrapperspb.StringValue)
		err := connection.Invoke(ctx, name, wrapperspb.String(next.query), answer)
		return answer.Value, err
	}
	stream, err := connection.NewStream(ctx, &description, name)
	if err != nil {
		return "", err
	}
	return converse(stream, description, next.query)
}

func converse(stream grpc.ClientStream, description grpc.StreamDesc, query string) (string, error) {
	count := 1
	if description.ClientStreams {
		count = messages
	}
	for ; count > 0; count-- {
		// io.EOF says that the stream has ended: RecvMsg tells how.
		if err := stream.SendMsg(wrapperspb.String(query)); err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	var all string
	for {
		answer := new(wrapperspb.StringValue)
		err := stream.RecvMsg(answer)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all += answer.Value
		if !description.ServerStreams {
			return all, nil
		}
	}
}

type collector struct {
	mutex  sync.Mutex
	rows   map[Row]int
	traces []Trace
	wrong  []string
	hash   uint64
}

func (c *collector) take(method string, code codes.Code, delay time.Duration, answer string) {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s %d %s", method, code, answer)))
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.hash += binary.LittleEndian.Uint64(sum[:])
	c.rows[Row{Method: method, Code: int(code), DelaySeconds: delay.Seconds()}]++
}

func (c *collector) run(connection *grpc.ClientConn, next step, pass int) {
	var trace *Trace
	if next.traced() && pass < tracedPasses {
		trace = &Trace{next.method, randomHex(16), randomHex(8)}
		c.mutex.Lock()
		c.traces = append(c.traces, *trace)
		c.mutex.Unlock()
	}
	answer, err := call(connection, next, trace)
	code := status.Code(err)
	if code != next.code {
		c.mutex.Lock()
		c.wrong = append(c.wrong, fmt.Sprintf("%s?%s: %v", next.method, next.query, err))
		c.mutex.Unlock()
	}
	c.take(next.method, code, next.delay, answer)
}

func (c *collector) truth() Truth {
	sums := map[[2]string]*Row{}
	for row, count := range c.rows {
		key := [2]string{row.Method, fmt.Sprint(row.Code)}
		if sums[key] == nil {
			sums[key] = &Row{Method: row.Method, Code: row.Code}
		}
		sums[key].Count += count
		sums[key].DelaySeconds += row.DelaySeconds * float64(count)
	}
	truth := Truth{Traces: append([]Trace{}, c.traces...), Wrong: append([]string{}, c.wrong...), Hash: fmt.Sprintf("%016x", c.hash), RPC: []Row{}}
	for _, row := range sums {
		truth.RPC = append(truth.RPC, *row)
	}
	sort.Slice(truth.RPC, func(a, b int) bool {
		one, other := truth.RPC[a], truth.RPC[b]
		return one.Method < other.Method || one.Method == other.Method && one.Code < other.Code
	})
	return truth
}

// Load says how much Run does.
type Load struct {
	More        func(pass int) bool // asked before each pass over the steps; by many goroutines
	Connections int                 // at once, each with passes of its own
	Refused     int                 // calls that nobody answers, at the end
}

// Passes is a More for a number of them.
func Passes(count int) func(int) bool { return func(pass int) bool { return pass < count } }

// Run calls the server.
func Run(address string, withTLS bool, load Load) (Truth, error) {
	all := collector{rows: map[Row]int{}}
	var group sync.WaitGroup
	for index := 0; index < load.Connections; index++ {
		connection, err := Dial(address, withTLS)
		if err != nil {
			return Truth{}, err
		}
		defer connection.Close()
		group.Add(1)
		go func() {
			defer group.Done()
			for pass := 0; load.More(pass); pass++ {
				for _, next := range steps {
					all.run(connection, next, pass)
				}
			}
		}()
	}
	group.Wait()
	for count := load.Refused; count > 0; count-- {
		if err := callNobody(&all, withTLS); err != nil {
			return Truth{}, err
		}
	}
	return all.truth(), nil
}

// The port was free a moment ago.
func callNobody(all *collector, withTLS bool) error {
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := reserved.Addr().String()
	reserved.Close()
	connection, err := Dial(address, withTLS)
	if err != nil {
		return err
	}
	defer connection.Close()
	all.run(connection, step{"Unary", "nobody", codes.Unavailable, 0}, tracedPasses)
	return nil
}
