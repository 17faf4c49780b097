package ledger

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParsePublicKey reads the public key of a ledger: a SubjectPublicKeyInfo in DER, as KMS returns it, or in PEM.
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
		return nil, errors.New("want a public key in DER or PEM, as aws kms get-public-key returns it")
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("want a public key of type ECC_NIST_P256, got another type")
	}
	return key, nil
}
