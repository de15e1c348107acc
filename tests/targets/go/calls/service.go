// Package calls is a gRPC service without generated code, its server and its client side. A request is a query:
// delay=, code=, size=, and count= for the messages of a streamed answer.
package calls

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Service is its full name.
const Service = "targets.Calls"

func ask(query string) (answer string, count int, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", 0, status.Error(codes.InvalidArgument, err.Error())
	}
	if delay, err := time.ParseDuration(values.Get("delay")); err == nil {
		time.Sleep(delay)
	}
	if code, err := strconv.Atoi(values.Get("code")); err == nil && code != 0 {
		return "", 0, status.Error(codes.Code(code), "as asked")
	}
	size, _ := strconv.Atoi(values.Get("size"))
	count, _ = strconv.Atoi(values.Get("count"))
	return "answer to " + query + strings.Repeat("x", size), count, nil
}

func unary(
	_ interface{}, ctx context.Context, decode func(interface{}) error, intercept grpc.UnaryServerInterceptor,
) (interface{}, error) {
	request := new(wrapperspb.StringValue)
	if err := decode(request); err != nil {
		return nil, err
	}
	answer, _, err := ask(request.Value)
	if err != nil {
		return nil, err
	}
	return wrapperspb.String(answer), nil
}

func serverStream(_ interface{}, stream grpc.ServerStream) error {
	request := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	answer, count, err := ask(request.Value)
	for ; err == nil && count > 0; count-- {
		err = stream.SendMsg(wrapperspb.String(answer))
	}
	return err
}

func clientStream(_ interface{}, stream grpc.ServerStream) error {
	var joined []string
	for {
		request := new(wrapperspb.StringValue)
		err := stream.RecvMsg(request)
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(wrapperspb.String(strings.Join(joined, ";")))
		}
		if err != nil {
			return err
		}
		answer, _, err := ask(request.Value)
		if err != nil {
			return err
		}
		joined = append(joined, answer)
	}
}

func bidirectional(_ interface{}, stream grpc.ServerStream) error {
	for {
		request := new(wrapperspb.StringValue)
		err := stream.RecvMsg(request)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, _, err := ask(request.Value)
		if err != nil {
			return err
		}
		if err := stream.SendMsg(wrapperspb.String(answer)); err != nil {
			return err
		}
	}
}

// Description registers the four kinds of call with a server.
var Description = grpc.ServiceDesc{
	ServiceName: Service,
	HandlerType: (*interface{})(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		{StreamName: "ServerStream", Handler: serverStream, ServerStreams: true},
		{StreamName: "ClientStream", Handler: clientStream, ClientStreams: true},
		{StreamName: "Bidirectional", Handler: bidirectional, ServerStreams: true, ClientStreams: true},
	},
}
