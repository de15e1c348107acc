package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type call struct {
	method                                                        string
	messages, bytes, timeoutMs, cancelMs, metadataBytes, compress int
	query                                                         string
}

func read() []call {
	var calls []call
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c call
		_, err := fmt.Sscan(lines.Text(), &c.method, &c.messages, &c.bytes, &c.timeoutMs, &c.cancelMs, &c.metadataBytes,
			&c.compress, &c.query)
		if err != nil {
			log.Fatal(err)
		}
		calls = append(calls, c)
	}
	return calls
}

func describe(method string) *grpc.StreamDesc {
	for index := range methods {
		if methods[index].StreamName == method {
			return &methods[index]
		}
	}
	return &grpc.StreamDesc{StreamName: method}
}

func carryOut(connection *grpc.ClientConn, c call) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.timeoutMs != 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.timeoutMs)*time.Millisecond)
		defer cancel()
	}
	if c.cancelMs != 0 {
		defer time.AfterFunc(time.Duration(c.cancelMs)*time.Millisecond, cancel).Stop()
	}
	if c.metadataBytes != 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "padding", strings.Repeat("~", c.metadataBytes))
	}
	var options []grpc.CallOption
	if c.compress != 0 {
		options = append(options, grpc.UseCompressor("gzip"))
	}
	stream, err := connection.NewStream(ctx, describe(c.method), "/targets.Calls/"+c.method, options...)
	if err != nil {
		return err
	}
	return converse(stream, c)
}

func converse(stream grpc.ClientStream, c call) error {
	message := c.query
	if missing := c.bytes - len(message); missing > 0 {
		message += "&pad=" + strings.Repeat("p", missing)
	}
	for count := c.messages; count > 0; count-- {
		// io.EOF says that the stream has ended: RecvMsg tells how.
		if err := stream.SendMsg(&message); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		var answer string
		if err := stream.RecvMsg(&answer); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// callAll makes the calls of the standard input; how each ended.
func callAll(connection *grpc.ClientConn, atOnce int) []codes.Code {
	calls := read()
	ended := make([]codes.Code, len(calls))
	turns := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for index := range calls {
		turns <- struct{}{}
		group.Add(1)
		go func() {
			defer group.Done()
			ended[index] = status.Code(carryOut(connection, calls[index]))
			<-turns
		}()
	}
	group.Wait()
	return ended
}
