package pattern

import (
	"maps"
	"slices"
	"strings"
)

const (
	maxSubRules = 1000    // our bound on what $or may multiply to
	maxPaths    = 256     // the engine's bound on the paths of one sub-rule
	maxWork     = 1 << 19 // our bound on the fields written and copied while $or expands, of paths no longer than longPath
	longPath    = 64      // bytes
)

// orKeyword is the field name that holds alternatives instead of a field.
const orKeyword = "$or"

// A subRule is one alternative of a pattern: what each path must hold, all at once.
type subRule map[string]*fieldTest

// A field is what one path must hold: one of tests, or nothing at all where absent is set.
type fieldTest struct {
	path   string
	at     int // offset in the pattern
	tests  []test
	absent bool
}

// compiler turns a pattern's text into sub-rules.
type compiler struct {
	jsonReader
	work int
}

// compilePattern reads a pattern and expands its $or alternatives. The sub-rules together match what it matches.
func compilePattern(text string) ([]subRule, error) {
	c := &compiler{jsonReader: jsonReader{text: []byte(text)}}
	if c.peek() != '{' {
		return nil, c.errorAt(c.at, "Filter is not an object")
	}
	root, err := c.node()
	if err != nil {
		return nil, err
	}
	return c.fields([]subRule{{}}, nil, root, false)
}

// fields adds the members of an object at the path steps to every rule, and returns the rules that result.
func (c *compiler) fields(rules []subRule, steps []string, object node, inBranch bool) ([]subRule, error) {
	if len(object.members) == 0 {
		return nil, c.errorAt(object.at, "Empty objects are not allowed")
	}
	for _, m := range object.members {
		if inBranch && reservedInOr(m.name) {
			return nil, c.errorAt(m.at, "%s is Ruler reserved fieldName which cannot be used inside $or.", m.name)
		}
		var err error
		switch {
		case m.name == orKeyword:
			rules, err = c.alternatives(rules, steps, m.value)
		case m.value.kind == objectNode:
			rules, err = c.fields(rules, append(steps, m.name), m.value, inBranch)
		case m.value.kind == arrayNode:
			err = c.set(rules, joinPath(steps, m.name), m.value)
		default:
			err = c.errorAt(m.value.at, "\"%s\" must be an object or an array", m.name)
		}
		if err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// alternatives multiplies the rules so far by the branches of a $or. Fields that follow it are set in every product,
// so a branch overrides what stands before the $or, and is overridden by what stands after.
func (c *compiler) alternatives(rules []subRule, steps []string, branches node) ([]subRule, error) {
	if branches.kind != arrayNode {
		return nil, c.errorAt(branches.at, "It must be an Array followed with $or.")
	}
	var expanded []subRule
	for _, branch := range branches.items {
		if branch.kind != objectNode {
			return nil, c.errorAt(branch.at, "Only JSON object is allowed in array of $or relationship.")
		}
		copied := make([]subRule, len(rules))
		for i, rule := range rules {
			if err := c.spend(rule.work(), branch.at); err != nil {
				return nil, err
			}
			copied[i] = maps.Clone(rule)
		}
		added, err := c.fields(copied, steps, branch, true)
		if err != nil {
			return nil, err
		}
		if expanded = append(expanded, added...); len(expanded) > maxSubRules {
			return nil, c.errorAt(branch.at, "$or expands to more than %d sub-rules", maxSubRules)
		}
	}
	if len(branches.items) < 2 {
		return nil, c.errorAt(branches.at, "There must have at least 2 Objects in $or relationship.")
	}
	return expanded, nil
}

// work is what a copy of a sub-rule costs.
func (r subRule) work() int {
	work := 1
	for path := range r {
		work += pathWork(path)
	}
	return work
}

func pathWork(path string) int { return 1 + len(path)/longPath }

// set compiles an array of matchers and sets it at path in every rule; what a path held before is lost.
func (c *compiler) set(rules []subRule, path string, matchers node) error {
	f, err := c.field(path, matchers)
	if err != nil {
		return err
	}
	if err := c.spend(len(rules)*pathWork(path), matchers.at); err != nil {
		return err
	}
	for _, rule := range rules {
		if rule[path] = f; len(rule) > maxPaths {
			return c.errorAt(matchers.at, "size of rule exceeds max value of %d fields", maxPaths)
		}
	}
	return nil
}

// spend accounts for work, so that no text of moderate length can take unbounded memory.
func (c *compiler) spend(work, at int) error {
	if c.work += work; c.work > maxWork {
		return c.errorAt(at, "the pattern expands to too many fields")
	}
	return nil
}

// joinPath names the field last under steps. A path so far that is empty adds no dot, as in the engine: an empty
// name that begins a pattern's path vanishes.
func joinPath(steps []string, last string) string {
	base := strings.Join(steps, ".")
	if base == "" {
		return last
	}
	return base + "." + last
}

// reservedInOr reports whether the engine refuses a field of this name inside a $or branch, where it is more likely
// an operator that was put in the wrong place.
func reservedInOr(name string) bool {
	switch name {
	case "exactly", "prefix", "suffix", "equals-ignore-case", "anything-but", "exists", "wildcard", "numeric", "cidr",
		"=", "<", "<=", ">", ">=",
		"regex", "not-wildcard", "not-equals-ignore-case",
		"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
		"ip-address-in-range", "ip-address-not-in-range":
		return true
	}
	return false
}

// sorted returns the fields of a sub-rule in the order in which the engine decides them.
func (r subRule) sorted() []*fieldTest {
	fields := make([]*fieldTest, 0, len(r))
	for _, f := range r {
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b *fieldTest) int { return comparePaths(a.path, b.path) })
	return fields
}

// comparePaths orders by UTF-16 code units, as Java compares strings. It differs from the order of UTF-8 bytes only
// where a character of four bytes (a surrogate pair, D800 to DFFF) meets one from E000 to FFFF.
func comparePaths(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n < len(a) && n < len(b) && a[n] >= 0xEE && b[n] >= 0xEE {
		aPair, bPair := a[n] >= 0xF0, b[n] >= 0xF0
		switch {
		case aPair && !bPair:
			return -1
		case bPair && !aPair:
			return +1
		}
	}
	return strings.Compare(a, b)
}
