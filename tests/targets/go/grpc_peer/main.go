// Target: gRPC-Go in both roles; see ../../grpc/README.md.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// What the names of the service's methods stand for.
var methods = []grpc.StreamDesc{
	{StreamName: "Unary"},
	{StreamName: "ServerStream", ServerStreams: true},
	{StreamName: "ClientStream", ClientStreams: true},
	{StreamName: "Bidirectional", ServerStreams: true, ClientStreams: true},
}

// text passes messages as they are.
type text struct{}

func (text) Marshal(value any) ([]byte, error) { return []byte(*value.(*string)), nil }
func (text) Name() string                      { return "text" }
func (text) Unmarshal(data []byte, value any) error {
	*value.(*string) = string(data)
	return nil
}

func serverOptions() []grpc.ServerOption {
	options := []grpc.ServerOption{grpc.ForceServerCodec(text{})}
	parameters := keepalive.ServerParameters{Time: time.Second}
	if age, err := strconv.Atoi(os.Getenv("MAX_AGE_MS")); err == nil {
		parameters.MaxConnectionAge = time.Duration(age) * time.Millisecond
	}
	options = append(options, grpc.KeepaliveParams(parameters))
	if certificate := os.Getenv("TLS_CERTIFICATE"); certificate != "" {
		secure, err := credentials.NewServerTLSFromFile(certificate, os.Getenv("TLS_KEY"))
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(secure))
	}
	return options
}

func serve(port string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	description := grpc.ServiceDesc{ServiceName: "targets.Calls", HandlerType: (*any)(nil), Streams: methods}
	for index := range methods {
		streams := methods[index].ServerStreams
		many := methods[index].ClientStreams
		description.Streams[index].Handler = func(_ any, stream grpc.ServerStream) error { return answer(stream, many, streams) }
	}
	server := grpc.NewServer(serverOptions()...)
	server.RegisterService(&description, struct{}{})
	log.Fatal(server.Serve(listener))
}

func dial(port string) (*grpc.ClientConn, error) {
	how := insecure.NewCredentials()
	if certificate := os.Getenv("TLS_CERTIFICATE"); certificate != "" {
		secure, err := credentials.NewClientTLSFromFile(certificate, "localhost")
		if err != nil {
			return nil, err
		}
		how = secure
	}
	return grpc.NewClient("127.0.0.1:"+port, grpc.WithTransportCredentials(how),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(text{})))
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	atOnce, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	connection, err := dial(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	for index, code := range callAll(connection, atOnce) {
		fmt.Println(index, int(code))
	}
}
