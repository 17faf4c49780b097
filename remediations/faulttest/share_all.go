//go:build !race

package faulttest

// share is how many scenarios there are to one that is played: all are.
const share = 1
