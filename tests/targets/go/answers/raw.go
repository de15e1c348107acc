package answers

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// The backend of RawFirst: it speaks lines, and no protocol that anyone knows.
var (
	rawOnce sync.Once
	rawPort string
)

func rawAddress() string {
	rawOnce.Do(func() { rawPort = startRawBackend() })
	return rawPort
}

func startRawBackend() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go answerLines(connection)
		}
	}()
	return listener.Addr().String()
}

func answerLines(connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		if _, err := fmt.Fprintf(connection, "answer to %s\n", lines.Text()); err != nil {
			return
		}
	}
}

type rawConnection struct {
	net.Conn
	reader *bufio.Reader
}

// Kept alive between requests, and taken by whichever goroutine serves the next one.
var rawPool = make(chan rawConnection, 64)

func takeRaw() (rawConnection, error) {
	select {
	case kept := <-rawPool:
		return kept, nil
	default:
	}
	connection, err := net.Dial("tcp", rawAddress())
	if err != nil {
		return rawConnection{}, err
	}
	return rawConnection{connection, bufio.NewReader(connection)}, nil
}

// RawFirst asks a backend on a kept connection before it answers.
func RawFirst(writer http.ResponseWriter, request *http.Request) {
	connection, err := takeRaw()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintf(connection, "question %s\n", request.URL.Query().Get("n"))
	line, err := connection.reader.ReadString('\n')
	if err != nil {
		connection.Close()
		http.Error(writer, err.Error(), http.StatusBadGateway)
		return
	}
	select {
	case rawPool <- connection:
	default:
		connection.Close()
	}
	fmt.Fprint(writer, line)
}
