package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http2"
)

const answerTimeout = 60 * time.Second

// client makes one that keeps a single connection; with `fresh` (h1 only) none: each request has its own. Protocols: h1,
// h2 (by TLS), h2c.
func client(protocol string, fresh bool) *http.Client {
	skip := &tls.Config{InsecureSkipVerify: true} // the target made its certificate at its start
	var transport http.RoundTripper
	switch protocol {
	case "h2c":
		transport = &http2.Transport{
			AllowHTTP: true,
			DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		}
	case "h2":
		transport = &http2.Transport{TLSClientConfig: skip}
	default:
		transport = &http.Transport{
			TLSClientConfig: skip, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
			MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableKeepAlives: fresh,
		}
	}
	return &http.Client{
		Transport: transport, Timeout: answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (d *driver) request(next step) (*http.Request, error) {
	target := d.base + next.path
	if next.query != "" {
		target += "?" + next.query
	}
	var body io.Reader
	if next.body > 0 {
		body = bytes.NewReader(bytes.Repeat([]byte{'b'}, next.body))
	}
	request, err := http.NewRequest(next.method, target, body)
	if err != nil {
		return nil, err
	}
	if next.host != "" {
		request.Host = next.host
	}
	if next.withContext {
		request.Header.Set("X-With-Context", "yes")
	}
	if next.traced {
		row := traceRow{next.path, randomHex(16), randomHex(8)}
		request.Header.Set("Traceparent", "00-"+row.TraceID+"-"+row.SpanID+"-01")
		d.books.takeTrace(row)
	}
	return request, nil
}

func randomHex(bytes int) string {
	made := make([]byte, bytes)
	rand.Read(made)
	return hex.EncodeToString(made)
}

func (d *driver) send(connection *http.Client, next step) {
	request, err := d.request(next)
	if err != nil {
		d.books.fail(next, err)
		return
	}
	answer, err := connection.Do(request)
	if err != nil {
		d.books.fail(next, err)
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		d.books.fail(next, err)
		return
	}
	if answer.StatusCode != next.status {
		d.books.fail(next, fmt.Sprintf("status %d", answer.StatusCode))
		return
	}
	d.books.take(next, d.spelled, body)
	if next.outgoing != 0 {
		asked, _ := url.ParseQuery(next.query)
		to, _ := url.Parse(asked.Get("url"))
		d.books.takeOutgoing(to.Host, next.outgoing)
	}
}

// sendPanic expects no answer, or 500 from a framework that recovers. The connection is new: a client asks again by
// itself when a kept one is closed under it.
func (d *driver) sendPanic(next step) {
	connection := client(d.protocol, false)
	defer connection.CloseIdleConnections()
	request, err := d.request(next)
	if err != nil {
		d.books.fail(next, err)
		return
	}
	answer, err := connection.Do(request)
	if err == nil {
		answer.Body.Close()
		if answer.StatusCode != next.status {
			d.books.fail(next, fmt.Sprintf("status %d", answer.StatusCode))
			return
		}
	}
	d.books.take(next, d.spelled, nil)
}

func (d *driver) sendHijack(next step) {
	line, err := d.switchProtocols(next)
	if err != nil {
		d.books.fail(next, err)
		return
	}
	d.books.take(next, d.spelled, []byte(line))
}
