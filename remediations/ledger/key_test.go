package ledger_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/ledger"
)

func TestParsePublicKey(t *testing.T) {
	key := newFixture(t).key
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, good := range [][]byte{der, text, append([]byte("a comment\n"), text...)} {
		if got, err := ledger.ParsePublicKey(good); err != nil || !got.Equal(&key.PublicKey) {
			t.Errorf("%q: %v, %v", good, got, err)
		}
	}
	other := func(public any) []byte {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	larger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"nothing":       {nil, "want a public key in DER or PEM"},
		"base64":        {[]byte("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), "want a public key in DER or PEM"},
		"a private key": {pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), `want a public key, got PEM of type "EC PRIVATE KEY"`},
		"P-384":         {other(&larger.PublicKey), "want a public key of type ECC_NIST_P256"},
		"RSA":           {other(&rsaKey.PublicKey), "want a public key of type ECC_NIST_P256"},
	} {
		if _, err := ledger.ParsePublicKey(c.text); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}
