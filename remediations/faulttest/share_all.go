//go:build !race

package faulttest

// shareByDefault is how many scenarios there are to one that is played: all are.
const shareByDefault = 1
