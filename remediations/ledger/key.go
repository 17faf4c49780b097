package ledger

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParsePublicKey reads the public key of a ledger: a SubjectPublicKeyInfo in DER, as KMS gives it, or that in PEM.
func ParsePublicKey(text []byte) (*ecdsa.PublicKey, error) {
	der := text
	if block, _ := pem.Decode(text); block != nil {
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("want a public key, got PEM of type %q", block.Type)
		}
		der = block.Bytes
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("want a public key in DER or PEM, as aws kms get-public-key gives it")
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("want a public key of the kind ECC_NIST_P256: this is another one")
	}
	return key, nil
}
