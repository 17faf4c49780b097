package trail

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Client is the HTTP client to call an emulator on this machine with. An AWS client closes its request's
// body as soon as the answer begins. A server without any distance answers so fast that the transport can
// still be about to look whether the body has ended: it then takes the body for broken, closes the
// connection, and the answer is lost. In two calls of a thousand the call was made, and then made again.
// With a body in memory the transport has looked before it sends.
func Client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	// The emulator answers more slowly over a connection that is kept.
	transport.DisableKeepAlives = true
	return &http.Client{Transport: inMemory{transport}}
}

// inMemory reads the body of a request before it is sent.
type inMemory struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return m.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return m.RoundTripper.RoundTrip(r)
}
