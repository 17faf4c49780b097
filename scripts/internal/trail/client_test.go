package trail

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// watched is a body that says whether it was closed, and that fails if it is read afterwards.
type watched struct {
	io.Reader
	closed bool
}

func (w *watched) Close() error {
	w.closed = true
	return nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Once a request is being sent nothing asks its own body for more.
func TestClientReadsBodyFirst(t *testing.T) {
	body := &watched{Reader: strings.NewReader("hello")}
	sent := ""
	m := inMemory{roundTrip(func(r *http.Request) (*http.Response, error) {
		if !body.closed {
			t.Error("the request is sent while its body is open")
		}
		text, err := io.ReadAll(r.Body)
		sent = string(text)
		return &http.Response{}, err
	})}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1", body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.RoundTrip(r); err != nil || sent != "hello" {
		t.Errorf("sent %q, %v", sent, err)
	}
	broken := errors.New("broken")
	r.Body = &watched{Reader: io.MultiReader(strings.NewReader("he"), iotest{broken})}
	sent = "nothing"
	if _, err := m.RoundTrip(r); !errors.Is(err, broken) || sent != "nothing" {
		t.Errorf("sent %q of a body that can't be read, %v", sent, err)
	}
}

type iotest struct{ err error }

func (r iotest) Read([]byte) (int, error) { return 0, r.err }
