// Package pattern is the event pattern language of EventBridge: it reads, compiles, matches and lints patterns.
//
// # Event patterns
//
// A [Pattern] means here what it means to EventBridge, by the documentation and by the behaviour of AWS's own engine,
// Event Ruler: the matchers of exact values, null, prefix, suffix, equals-ignore-case, wildcard, numeric, exists, cidr
// and anything-but, and $or. Fields must all hold, matchers of a field and elements of an event's array are
// alternatives, and what holds in one element of an array of objects must hold in that same element.
//
// What a rule delivers must never be denied here, so the engine's oddities are kept wherever an event of CloudTrail
// may meet them. Of three that are far from that, the first two are kept as well:
//
//   - Addresses: the engine compares the hexadecimal digits of addresses, and stops as soon as they lie between the
//     bounds. A cidr, or a plain string that is an IP address, may therefore hold for the other address family, or for
//     a number with the same digits. So it does here.
//   - equals-ignore-case, alone or in prefix and suffix, takes each half of a character outside the Basic Multilingual
//     Plane for a question mark: 😀 does not match itself but does match "??". So it does here.
//   - Half of a surrogate pair, alone (the escape \ud83d without its other half), is compared as itself. The engine
//     takes it for a question mark in all but exact matches; here it is itself everywhere.
//
// What differs besides:
//
//   - A malformed $or is an error. The engine then takes "$or" for the name of a field, which no event has, and the
//     rule never matches.
//   - A pattern expands to 1000 sub-rules at most.
//   - Bytes that are not UTF-8 are compared as they are.
//   - Nesting is bounded at 10,000, by the engine at 1,000; the engine also refuses numbers of more than 1,000 digits.
//   - Of three faults in the engine none is imitated: it loses matches where a field has strings and a one-sided
//     numeric comparison (< or <=), and where alternatives of $or overlap, and it takes any character for a letter
//     that stands behind a wildcard in a field and is compared without case. Pattern.Lint warns of all three.
//
// The time for an event is about that of its length, for each sub-rule of a pattern. It is bounded: an event that is made
// for it, with several arrays at one path by a name that is there twice, or with arrays nested hundreds deep, can take
// more, and so can one with hundreds of elements for a pattern of hundreds of sub-rules. That is an error.
//
// The quotas of the service (a pattern's length, its complexity) are for Pattern.Lint to check, not for Compile.
//
// # How a pattern is matched
//
// Four things, each in files of its own:
//
//   - reading (read.go): the pattern's JSON, strictly, with the place of everything in it;
//   - compiling (compile.go, ops.go, but.go): sub-rules without $or, and for each path the tests
//     (value.go, number.go, ip.go, case.go) that a value there must pass;
//   - scanning (scan.go, paths.go): one walk over an event, which checks all of its text and keeps the values at paths
//     that some pattern uses;
//   - matching (match.go, search.go): the sub-rules that can match at all, by a string that they want,
//     and for those a consistent choice of values.
//
// # Speed
//
// On CloudTrail events of 2 KB in their envelope, all of whose text is checked, as ratios to encoding/json's Valid on
// the same event, measured in turn with it on one core:
//
//	1 rule                  0.17 or 0.23
//	a Set of 30 rules       0.26 or 0.34
//	a Set of 3,000 rules    0.28 or 0.39
//	decode and recurse      4.1 to 4.2  (30 rules, the plain way)
//
// There are two figures because Valid has two speeds: 6.2 us an event in most runs, and 4.6 us in some, without a change
// of a line; 30 rules take 1.6 us beside either. Nothing is allocated for an event. Compiling 30 rules takes 0.17 ms, at
// every cold start of a function with so many. The figures are those of
//
//	go test -run '^$' -bench . ./events/pattern
package pattern
