package main

import (
	"errors"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // registers itself
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type query struct{ values url.Values }

func (q query) number(key string) int {
	number, _ := strconv.Atoi(q.values.Get(key))
	return number
}

func (q query) wait(key string) { time.Sleep(time.Duration(q.number(key)) * time.Millisecond) }

// obey does what a message asks for before it is answered.
func obey(message string, stream grpc.ServerStream) (query, error) {
	values, err := url.ParseQuery(message)
	if err != nil {
		return query{}, status.Error(codes.InvalidArgument, err.Error())
	}
	asked := query{values}
	asked.wait("delay")
	if values.Has("exit") {
		os.Exit(0)
	}
	if code := asked.number("code"); code != 0 {
		if padding := asked.number("trailer"); padding != 0 {
			stream.SetTrailer(metadata.Pairs("padding", strings.Repeat("~", padding)))
		}
		return asked, status.Error(codes.Code(code), "as asked: 100 %, ü\n")
	}
	return asked, nil
}

func send(stream grpc.ServerStream, asked query) error {
	answer := strings.Repeat("x", asked.number("size"))
	return stream.SendMsg(&answer)
}

// answer serves a call; many: of its messages, streams: of the answer's.
func answer(stream grpc.ServerStream, many, streams bool) error {
	var last query
	for {
		var message string
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if last, err = obey(message, stream); err != nil {
			return err
		}
		if many && streams {
			if err := send(stream, last); err != nil {
				return err
			}
		}
		if !many {
			break
		}
	}
	if many && streams {
		return nil
	}
	if !streams {
		return send(stream, last)
	}
	for count := last.number("count"); count > 0; count-- {
		last.wait("interval")
		if err := send(stream, last); err != nil {
			return err
		}
	}
	return nil
}
