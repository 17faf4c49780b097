package faulttest

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// sample says which of the scenarios are played: one in share, and with another seed others. What is not set in the
// environment is shareByDefault, and the first of them.
type sample struct{ share, seed int }

// sampleFromEnvironment reads FAULTS_SHARE and FAULTS_SEED, and fails the test where one of them is no number that can be meant.
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
