package pattern

import "strings"

// A pathNode is a name on the way to paths that patterns use. Names in an event lead from one to the next.
type pathNode struct {
	position int32  // of the path's leaves; none if the path only leads to others
	firsts   uint64 // a bit for the first byte of each name that leads on, by its lower six bits
	lengths  uint64 // a bit for the length of each, the last one for all that are longer
	next     []pathStep
	byName   map[string]*pathNode // next, where a search would take long
}

type pathStep struct {
	name string // without dots
	node *pathNode
}

// fewSteps is how many steps are searched one after the other.
const fewSteps = 12

// inner reports whether the path leads on to others.
func (n *pathNode) inner() bool { return len(n.next) > 0 }

// add makes sure that there is a node for a path, and returns it.
func (n *pathNode) add(path string) *pathNode {
	for name := range strings.SplitSeq(path, ".") {
		n = n.step(name)
	}
	return n
}

func (n *pathNode) step(name string) *pathNode {
	if at := n.find(name); at != nil {
		return at
	}
	at := &pathNode{position: none}
	n.next = append(n.next, pathStep{name, at})
	n.firsts |= firstBit(name)
	n.lengths |= lengthBit(name)
	if len(n.next) > fewSteps {
		if n.byName == nil {
			n.byName = map[string]*pathNode{}
		}
		for _, s := range n.next[len(n.byName):] {
			n.byName[s.name] = s.node
		}
	}
	return at
}

// firstBit returns the bit of pathNode.firsts for a name. The empty name has the bit of the dot that follows it where a
// longer one begins with it.
func firstBit(name string) uint64 {
	if name == "" {
		return 1 << ('.' & 63)
	}
	return 1 << (name[0] & 63)
}

func lengthBit(name string) uint64 { return 1 << min(len(name), 63) }

// find returns where the name of a member leads; nil if no pattern asks for that. Dots in a name are as good as nesting.
func (n *pathNode) find(name string) *pathNode {
	if n.firsts&firstBit(name) == 0 {
		return nil
	}
	if n.lengths&lengthBit(name) != 0 {
		if at := n.follow(name); at != nil {
			return at
		}
	}
	if dot := strings.IndexByte(name, '.'); dot >= 0 {
		if at := n.follow(name[:dot]); at != nil {
			return at.find(name[dot+1:])
		}
	}
	return nil
}

// follow returns where a name without dots leads.
func (n *pathNode) follow(name string) *pathNode {
	if n.byName != nil {
		return n.byName[name]
	}
	for i := range n.next {
		if s := &n.next[i]; s.name == name {
			return s.node
		}
	}
	return nil
}
