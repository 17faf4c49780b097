package pattern

import "math"

// field compiles the array of matchers at a path.
func (c *compiler) field(path string, matchers node) (*fieldTest, error) {
	f := &fieldTest{path: path, at: matchers.at}
	if len(matchers.items) == 0 {
		return nil, c.errorAt(matchers.at, "Empty arrays are not allowed")
	}
	f.tests = make([]test, 0, len(matchers.items))
	for _, item := range matchers.items {
		switch item.kind {
		case scalarNode:
			f.tests = append(f.tests, valueTest(item.scalar))
		case arrayNode:
			return nil, c.errorAt(item.at, "Match value must be String, number, true, false, or null")
		case objectNode:
			t, err := c.operator(item)
			if err != nil {
				return nil, err
			}
			if _, ok := t.(isAbsent); ok {
				f.absent = true
				continue
			}
			f.tests = append(f.tests, t)
		}
	}
	f.divertNumbers()
	return f, nil
}

// divertNumbers keeps numbers from address tests where the field also compares numbers, as the engine does.
func (f *fieldTest) divertNumbers() {
	compares := false
	for _, t := range f.tests {
		compares = compares || comparesNumbers(t)
	}
	for i, t := range f.tests {
		if a, ok := t.(addressRange); ok {
			a.numbers = !compares
			f.tests[i] = a
		}
	}
}

// valueTest compiles a matcher that is a plain value.
func valueTest(s scalar) test {
	switch s.kind {
	case stringScalar:
		if digits, ok := addressDigits(s.text); ok {
			return addressRange{low: digits, high: digits}
		}
	case numberScalar:
		if value, ok := comparableNumber(s.text); ok {
			return sameNumber(value)
		}
	}
	return sameScalar(s)
}

// operator compiles a matcher that is an object of one operator.
func (c *compiler) operator(object node) (test, error) {
	if len(object.members) == 0 {
		return nil, c.errorAt(object.at, "Match expression name not found")
	}
	m := object.members[0]
	var t test
	var err error
	switch m.name {
	case "exactly":
		var s string
		s, err = c.operand(m.value, "exact match pattern must be a string")
		t = sameScalar{stringScalar, s}
	case "prefix", "suffix":
		t, err = c.affix(m)
	case "equals-ignore-case":
		var s string
		s, err = c.operand(m.value, "equals-ignore-case match pattern must be a string")
		t = sameFolded(fold(s))
	case "wildcard":
		t, err = c.wildcard(m.value)
	case "numeric":
		t, err = c.numeric(m.value)
	case "exists":
		t, err = c.exists(m.value)
	case "cidr":
		t, err = c.cidr(m.value)
	case "anything-but":
		t, err = c.anythingBut(m.value)
	default:
		return nil, c.errorAt(m.at, "Unrecognized match type %s", m.name)
	}
	if err != nil {
		return nil, err
	}
	if m.name == "numeric" || m.name == "anything-but" { // these are the engine's words, here and below
		return t, c.single(object, "Too many elements in numeric expression")
	}
	return t, c.single(object, "Only one key allowed in match expression")
}

// single refuses an operator object with more than one member.
func (c *compiler) single(object node, wrong string) error {
	if len(object.members) > 1 {
		return c.errorAt(object.members[1].at, "%s", wrong)
	}
	return nil
}

// operand returns the string that an operator takes.
func (c *compiler) operand(n node, wrong string) (string, error) {
	if n.kind != scalarNode || n.scalar.kind != stringScalar {
		return "", c.errorAt(n.at, "%s", wrong)
	}
	return n.scalar.text, nil
}

// affix compiles prefix and suffix, each of a string or of {"equals-ignore-case": string}.
func (c *compiler) affix(m objectMember) (test, error) {
	if m.value.kind != objectNode {
		s, err := c.operand(m.value, m.name+" match pattern must be a string")
		if err != nil {
			return nil, err
		}
		return affixTest(m.name, s), nil
	}
	title := map[string]string{"prefix": "Prefix", "suffix": "Suffix"}[m.name]
	if len(m.value.members) == 0 {
		return nil, c.errorAt(m.value.at, "%s expression name not found", title)
	}
	inner := m.value.members[0]
	if inner.name != "equals-ignore-case" {
		return nil, c.errorAt(inner.at, "Unsupported %s pattern: %s", m.name, inner.name)
	}
	s, err := c.operand(inner.value, "equals-ignore-case match pattern must be a string")
	if err != nil {
		return nil, err
	}
	err = c.single(m.value, "Only one key allowed in match expression")
	if m.name == "prefix" {
		return hasFoldedPrefix(fold(s)), err
	}
	return hasFoldedSuffix(fold(s)), err
}

// affixTest returns the test of a prefix or a suffix.
func affixTest(operator, s string) test {
	if operator == "prefix" {
		return hasPrefix(s)
	}
	return hasSuffix(s)
}

func (c *compiler) wildcard(n node) (test, error) {
	s, err := c.operand(n, "wildcard match pattern must be a string")
	if err != nil {
		return nil, err
	}
	segments, wrong := wildcardSegments(s)
	if wrong != "" {
		return nil, c.errorAt(n.at, "%s", wrong)
	}
	return wildcard(segments), nil
}

func (c *compiler) exists(n node) (test, error) {
	switch n.scalar {
	case scalar{literalScalar, "true"}:
		return isPresent{}, nil
	case scalar{literalScalar, "false"}:
		return isAbsent{}, nil
	}
	return nil, c.errorAt(n.at, "exists match pattern must be either true or false.")
}

func (c *compiler) cidr(n node) (test, error) {
	s, err := c.operand(n, "prefix match pattern must be a string")
	if err != nil {
		return nil, err
	}
	block, wrong := addressBlock(s)
	if wrong != "" {
		return nil, c.errorAt(n.at, "%s", wrong)
	}
	return block, nil
}

// numeric compiles a comparison, or a range whose lower bound comes first. Like the engine it looks at the form of the
// whole expression before it asks whether its numbers can be compared.
func (c *compiler) numeric(n node) (test, error) {
	if n.kind != arrayNode {
		return nil, c.errorAt(n.at, "Value of numeric must be an array.")
	}
	operator, err := c.numericOperator(n, 0, "Invalid member in numeric match: ")
	if err != nil {
		return nil, err
	}
	first, err := c.numericOperand(n, 1, operator)
	if err != nil {
		return nil, err
	}
	if len(n.items) > 2 {
		if operator != ">" && operator != ">=" {
			return nil, c.errorAt(n.items[2].at, "Too many elements in numeric expression")
		}
		return c.numericRange(n, operator, first)
	}
	bound, err := c.comparable(first)
	if err != nil {
		return nil, err
	}
	switch operator {
	case "=":
		return numberRange{low: bound, high: bound}, nil
	case "<", "<=":
		return numberRange{low: math.Inf(-1), high: bound, openHigh: operator == "<"}, nil
	}
	return numberRange{low: bound, high: math.Inf(1), openLow: operator == ">"}, nil
}

// numericRange compiles a numeric expression that has an upper bound in its third and fourth term.
func (c *compiler) numericRange(n node, lower string, bottom node) (test, error) {
	upper, err := c.numericOperator(n, 2, "Bad value in numeric range: ")
	if err != nil {
		return nil, err
	}
	if upper != "<" && upper != "<=" {
		return nil, c.errorAt(n.items[2].at, "Bad numeric range operator: %s", upper)
	}
	top, err := c.numericOperand(n, 3, upper)
	if err != nil {
		return nil, err
	}
	if len(n.items) > 4 {
		return nil, c.errorAt(n.items[4].at, "Too many terms in numeric range expression")
	}
	r := numberRange{openLow: lower == ">", openHigh: upper == "<"}
	if r.low, err = c.comparable(bottom); err != nil {
		return nil, err
	}
	if r.high, err = c.comparable(top); err != nil {
		return nil, err
	}
	if r.low >= r.high {
		return nil, c.errorAt(top.at, "Bottom must be less than top")
	}
	return r, nil
}

// numericOperator returns the comparison at index i of a numeric expression.
func (c *compiler) numericOperator(n node, i int, wrong string) (string, error) {
	if i >= len(n.items) {
		return "", c.errorAt(n.at, "%s]", wrong)
	}
	term := n.items[i]
	if term.kind != scalarNode || term.scalar.kind != stringScalar {
		return "", c.errorAt(term.at, "%s%s", wrong, tokenText(term))
	}
	switch operator := term.scalar.text; operator {
	case "=", "<", "<=", ">", ">=":
		return operator, nil
	default:
		if i > 0 {
			return operator, nil // the caller says what is wrong with it
		}
		return "", c.errorAt(term.at, "Unrecognized numeric range operator: %s", operator)
	}
}

// numericOperand returns the number at index i of a numeric expression.
func (c *compiler) numericOperand(n node, i int, operator string) (node, error) {
	if operator == "=" {
		operator = "equals"
	}
	if i >= len(n.items) {
		return node{}, c.errorAt(n.at, "Value of %s must be numeric", operator)
	}
	term := n.items[i]
	if term.kind != scalarNode || term.scalar.kind != numberScalar {
		return node{}, c.errorAt(term.at, "Value of %s must be numeric", operator)
	}
	return term, nil
}

// comparable returns the value of a number that the engine can compare.
func (c *compiler) comparable(n node) (float64, error) {
	value, ok := comparableNumber(n.scalar.text)
	if !ok {
		return 0, c.errorAt(n.at, "Cannot compare number : %s", n.scalar.text)
	}
	return value, nil
}

// tokenText is what the engine shows of a value in its messages: an object or an array as its opening bracket.
func tokenText(n node) string {
	switch n.kind {
	case objectNode:
		return "{"
	case arrayNode:
		return "["
	}
	return n.scalar.text
}
