package main

import (
	"net"
	"net/http"

	"target/answers"
	"target/listen"
)

// startBackend serves what the target is told to ask; its address without a path. It is ours, so that a call that came
// twice would be seen here and not only at the agent.
func startBackend(withTLS bool) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: http.HandlerFunc(answers.Answer)}
	if withTLS {
		server.TLSConfig = listen.ServerTLS()
		go server.ServeTLS(listener, "", "")
		return "https://" + listener.Addr().String(), nil
	}
	go server.Serve(listener)
	return "http://" + listener.Addr().String(), nil
}

// unusedAddress is where nobody listens.
func unusedAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return "http://" + listener.Addr().String(), nil
}
