//go:build !race

package faulttest

// shareByDefault is one scenario in so many that is played: all of them.
const shareByDefault = 1
