package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	service        = "/targets.Calls/"
	streamMessages = 10 // of one answer
)

func connect(way, address string, workers int) exchange {
	switch way {
	case "https1":
		clients := make([]*http.Client, workers) // a connection for each worker
		for worker := range clients {
			clients[worker] = client(way)
		}
		return func(worker int) error { return get(clients[worker], "https://"+address, 1) }
	case "https2", "http2":
		shared, scheme := client(way), strings.TrimSuffix(way, "2")
		return func(int) error { return get(shared, scheme+"://"+address, 2) }
	case "unary", "stream":
		connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			log.Fatal(err)
		}
		if way == "stream" {
			return func(int) error { return stream(connection) }
		}
		return func(int) error { return unary(connection) }
	}
	log.Fatalf("no such way: %s", way)
	return nil
}

// The server's certificate is its own: who it is does not matter here.
func client(way string) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(way == "https1")
	protocols.SetHTTP2(way == "https2")
	protocols.SetUnencryptedHTTP2(way == "http2")
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: &protocols, MaxConnsPerHost: 1,
	}}
}

func get(client *http.Client, root string, version int) error {
	answer, err := client.Get(root + "/hello")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != version {
		return fmt.Errorf("%s %s", answer.Proto, answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func unary(connection *grpc.ClientConn) error {
	return connection.Invoke(context.Background(), service+"Unary", wrapperspb.String("a=b"), new(wrapperspb.StringValue))
}

func stream(connection *grpc.ClientConn) error {
	description := &grpc.StreamDesc{ServerStreams: true}
	calls, err := connection.NewStream(context.Background(), description, service+"ServerStream")
	if err != nil {
		return err
	}
	if err := calls.SendMsg(wrapperspb.String(fmt.Sprint("count=", streamMessages))); err != nil {
		return err
	}
	if err := calls.CloseSend(); err != nil {
		return err
	}
	messages := 0
	for ; err == nil; messages++ {
		err = calls.RecvMsg(new(wrapperspb.StringValue))
	}
	if !errors.Is(err, io.EOF) || messages-1 != streamMessages {
		return fmt.Errorf("%d messages, then %w", messages-1, err)
	}
	return nil
}
