//go:build race

package faulttest

// shareByDefault is how many scenarios there are to one that is played. The race detector makes each take ten times as
// long, and what it looks for does not depend on which fault it is: every eleventh is enough of them.
const shareByDefault = 11
