package faulttest

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// A sample says which scenarios are played: one in share; another seed selects others. Without settings in the
// environment it is one in shareByDefault, with seed 0.
type sample struct{ share, seed int }

// sampleFromEnvironment reads FAULTS_SHARE and FAULTS_SEED. It fails the test if one of them is not a valid number.
func sampleFromEnvironment(t *testing.T) sample {
	t.Helper()
	share, err := fromEnvironment("FAULTS_SHARE", shareByDefault, 1)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := fromEnvironment("FAULTS_SEED", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sample{share, seed}
}

// fromEnvironment returns a number in the environment, or a default.
func fromEnvironment(name string, otherwise, least int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, fmt.Errorf("environment: %s is %q: want a number from %d", name, text, least)
	}
	return n, nil
}
