package faulttest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// behaviours holds what the endpoint does with a request, by the name in the request's header.
var behaviours = map[string]func(net.Conn){
	"500":     answers("500 Internal Server Error", "text/html", "<html><body><h1>500</h1></body></html>"),
	"503":     answers("503 Service Unavailable", "text/html", "<html><body><h1>503</h1></body></html>"),
	"html":    answers("200 OK", "text/html", "<html><body>Sign in to the network</body></html>"),
	"garbage": answers("200 OK", "application/json", "\x00\xff{]<"),
	"empty":   answers("200 OK", "application/json", ""),
	"truncated": func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{\"a\": [")
	},
	"reset":  func(net.Conn) {},                                   // the client reads a connection reset
	"silent": func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, // until the client gives up
	"late": func(c net.Conn) {
		_ = c.SetReadDeadline(time.Now().Add(4 * lambdaTime)) // a pipe has deadlines
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			answers("200 OK", "application/json", "{}")(c)
		}
	},
}

// answers sends one response.
func answers(status, contentType, body string) func(net.Conn) {
	return func(c net.Conn) {
		// The client may be gone by now.
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			status, contentType, len(body), body)
	}
}

// wireHeader names the behaviour that a request asks for.
const wireHeader = "Faulttest-Behaviour"

// wire returns a client of an HTTP endpoint that misbehaves. The two talk HTTP over connections in memory, so that
// waiting happens in the test's bubble and takes no time.
func wire() *wireClient {
	return &wireClient{http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}}
}

// A wireClient implements aws.HTTPClient.
type wireClient struct{ client http.Client }

// Do sends a request to the endpoint.
func (w *wireClient) Do(r *http.Request) (*http.Response, error) {
	r.URL.Scheme = "http" // nobody listens in memory
	return w.client.Do(r)
}

// dial connects to a new endpoint.
func dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go serve(server)
	return &resetConn{Conn: client}, nil
}

// serve reads one request and misbehaves.
func serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	behave, ok := behaviours[r.Header.Get(wireHeader)]
	if !ok {
		behave = answers("400 Bad Request", "text/plain", "no fault was asked for")
	}
	behave(c)
}

// A resetConn reports its end like a TCP connection that was reset.
type resetConn struct {
	net.Conn
	read bool // something was read before
}

// Read implements net.Conn.
func (c *resetConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == io.EOF && !c.read {
		return n, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	c.read = c.read || n > 0
	return n, err
}
