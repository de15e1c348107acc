package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func (d *driver) dialRaw() (net.Conn, error) {
	to, err := url.Parse(d.base)
	if err != nil {
		return nil, err
	}
	connection, err := net.Dial("tcp", to.Host)
	if err != nil {
		return nil, err
	}
	connection.SetDeadline(time.Now().Add(answerTimeout))
	if to.Scheme == "https" {
		return tls.Client(connection, &tls.Config{InsecureSkipVerify: true}), nil
	}
	return connection, nil
}

func (d *driver) switchProtocols(next step) (string, error) {
	connection, err := d.dialRaw()
	if err != nil {
		return "", err
	}
	defer connection.Close()
	fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: target\r\nUpgrade: line\r\nConnection: Upgrade\r\n\r\n", next.method, next.path)
	reader := bufio.NewReader(connection)
	head, err := http.ReadResponse(reader, nil)
	if err != nil {
		return "", err
	}
	if head.StatusCode != next.status {
		return "", fmt.Errorf("status %d", head.StatusCode)
	}
	fmt.Fprint(connection, "a line\n")
	line, err := reader.ReadString('\n')
	if err == nil && line != "a line\n" {
		err = fmt.Errorf("%q came back", line)
	}
	return line, err
}

// pipeline sends the steps in one write and reads the answers in their order.
func (d *driver) pipeline(steps []step) {
	connection, err := d.dialRaw()
	if err != nil {
		d.books.fail(steps[0], err)
		return
	}
	defer connection.Close()
	var all strings.Builder
	for _, next := range steps {
		fmt.Fprintf(&all, "%s %s?%s HTTP/1.1\r\nHost: target\r\n\r\n", next.method, next.path, next.query)
	}
	io.WriteString(connection, all.String())
	reader := bufio.NewReader(connection)
	for _, next := range steps {
		if err := d.readPipelined(reader, next); err != nil {
			d.books.fail(next, err)
			return // the rest cannot be told apart
		}
	}
}

func (d *driver) readPipelined(reader *bufio.Reader, next step) error {
	answer, err := http.ReadResponse(reader, &http.Request{Method: next.method})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != next.status {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	d.books.take(next, d.spelled, body.Bytes())
	return nil
}
