// Package listen starts a target: it reads the command line, listens, says on which port, and serves.
package listen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"
)

var (
	withTLS = flag.Bool("tls", false, "serve TLS, with HTTP/2 when the client wants it")
	wrapped = flag.Bool("wrap", false, "hide net/http's connections in a type of the program's own, TLS below it")
	profile = flag.String("profile", "", "write a CPU profile into this file until SIGTERM")
)

// WithTLS is true if the command line asked for TLS.
func WithTLS() bool { return *withTLS }

// Certificate makes one for localhost.
func Certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}
}

// ServerTLS has a certificate of its own.
func ServerTLS() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{Certificate()}} }

// Start parses `[flags] PORT` (0: any), listens on 127.0.0.1 and prints "port N".
func Start() net.Listener {
	flag.Parse()
	if _, err := strconv.Atoi(flag.Arg(0)); err != nil {
		log.Fatalf("usage: %s [flags] PORT", os.Args[0])
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	if *profile != "" {
		profileUntilTerminated(*profile)
	}
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	return listener
}

// A listener as that of a multiplexer, or of a proxy's protocol: what it accepts is no *tls.Conn.
type wrapping struct{ net.Listener }

func (l wrapping) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{accepted}, nil
}

// HTTP serves on listener until the process is ended. What it logs, the stacks of panics, is thrown away.
func HTTP(server *http.Server, listener net.Listener) {
	server.ErrorLog = log.New(io.Discard, "", 0)
	if *wrapped {
		if *withTLS {
			listener = tls.NewListener(listener, ServerTLS())
		}
		log.Fatal(server.Serve(wrapping{listener}))
	}
	if *withTLS {
		server.TLSConfig = ServerTLS()
		log.Fatal(server.ServeTLS(listener, "", ""))
	}
	log.Fatal(server.Serve(listener))
}

func profileUntilTerminated(path string) {
	file, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		log.Fatal(err)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		pprof.StopCPUProfile()
		file.Close()
		os.Exit(0)
	}()
}
