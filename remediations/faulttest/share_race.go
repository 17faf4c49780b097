//go:build race

package faulttest

// shareByDefault is one scenario in so many that is played. The race detector makes each take ten times as long, and
// what it looks for does not depend on the fault: one in eleven is enough.
const shareByDefault = 11
