package pattern

// anythingBut compiles anything-but of a value, a list of values, or an operator that takes one or the other.
func (c *compiler) anythingBut(n node) (test, error) {
	if n.kind == objectNode {
		return c.anythingButOperator(n)
	}
	items, err := c.butItems(n)
	if err != nil {
		return nil, err
	}
	var tests anythingBut
	strings := 0
	for _, item := range items {
		if item.kind != scalarNode || item.scalar.kind == literalScalar {
			return nil, c.errorAt(item.at, "Inside anything but list, start|null|boolean is not supported.")
		}
		if item.scalar.kind == stringScalar {
			strings++
			tests = append(tests, sameScalar(item.scalar)) // text even where it reads as an address
			continue
		}
		value, err := c.comparable(item)
		if err != nil {
			return nil, err
		}
		tests = append(tests, sameNumber(value))
	}
	if len(items) == 0 || strings > 0 && strings < len(items) {
		return nil, c.errorAt(n.at,
			"Inside anything but list, either all values are number or string, mixed type is not supported")
	}
	return tests, nil
}

// butItems returns the operands of anything-but, whether they stand alone or in a list.
func (c *compiler) butItems(n node) ([]node, error) {
	switch {
	case n.kind == arrayNode:
		return n.items, nil
	case n.kind == objectNode, n.scalar.kind == literalScalar:
		return nil, c.errorAt(n.at, "Value of anything-but must be an array or single string/number value.")
	}
	return []node{n}, nil
}

// anythingButOperator compiles anything-but of an object of one operator.
func (c *compiler) anythingButOperator(object node) (test, error) {
	if len(object.members) == 0 {
		return nil, c.errorAt(object.at, "Anything-But expression name not found")
	}
	m := object.members[0]
	wrong := ""
	switch m.name {
	case "prefix", "suffix":
		wrong = "prefix/suffix match pattern must be a string"
	case "equals-ignore-case":
		wrong = "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
	case "wildcard":
		wrong = "wildcard match pattern must be a string"
	default:
		return nil, c.errorAt(m.at, "Unsupported anything-but pattern: %s", m.name)
	}
	items, err := c.butItems(m.value)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, c.errorAt(m.value.at, "Empty arrays are not allowed")
	}
	var tests anythingBut
	var fault error // in a wildcard: the engine reads the whole list before it looks at one
	for _, item := range items {
		if _, err := c.operand(item, wrong); err != nil {
			return nil, err
		}
		t, err := c.butTest(m.name, item)
		if err != nil && m.name != "wildcard" {
			return nil, err
		}
		if fault == nil {
			fault = err
		}
		tests = append(tests, t)
	}
	if fault != nil {
		return nil, fault
	}
	return tests, c.single(object, "Too many elements in numeric expression")
}

// butTest compiles one string operand of an operator inside anything-but.
func (c *compiler) butTest(operator string, item node) (test, error) {
	switch operator {
	case "wildcard":
		return c.wildcard(item)
	case "equals-ignore-case":
		return sameFolded(fold(item.scalar.text)), nil
	}
	if item.scalar.text == "" {
		return nil, c.errorAt(item.at, "Null prefix/suffix not allowed")
	}
	return affixTest(operator, item.scalar.text), nil
}
