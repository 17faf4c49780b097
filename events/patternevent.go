package events

import "strings"

// A membership is an array element that a leaf lies in, linked to the elements around it.
type membership struct {
	array  int // number of the array in the event
	index  int
	around *membership
}

// wanted is what to look for in an event: the paths that patterns use.
type wanted struct {
	// positions has the place of each used path among the leaves, and -1 for a path that only leads to used ones.
	positions map[string]int
	count     int
	// emptyNames says that members with an empty name are read. The engine skips them unless a used path has an
	// empty name before its end.
	emptyNames bool
}

// add makes sure that path is looked for and returns its position among the leaves.
func (w *wanted) add(path string) int {
	if position, ok := w.positions[path]; ok && position >= 0 {
		return position
	}
	if w.positions == nil {
		w.positions = map[string]int{}
	}
	for i := range path {
		if path[i] != '.' {
			continue
		}
		if _, ok := w.positions[path[:i]]; !ok {
			w.positions[path[:i]] = -1
		}
	}
	w.positions[path] = w.count
	w.count++
	return w.count - 1
}

// hasEmptyName reports whether a path has an empty name before its end.
func hasEmptyName(path string) bool {
	trimmed := strings.TrimRight(path, ".")
	return path == "" || strings.HasPrefix(trimmed, ".") || strings.Contains(trimmed, "..")
}

// eventReader collects the leaves of an event at wanted paths.
type eventReader struct {
	jsonReader
	wanted *wanted
	path   []byte
	arrays int
	leaves [][]leaf // by position of the path
}

// read returns the leaves of an event, by position of their path. Text after the event's closing brace is ignored;
// anything malformed before it is an error, wherever it stands.
func (w *wanted) read(event []byte) ([][]leaf, error) {
	r := &eventReader{jsonReader: jsonReader{text: event}, wanted: w, leaves: make([][]leaf, w.count)}
	if r.peek() != '{' {
		return nil, r.errorAt(r.at, "Event must be a JSON object")
	}
	if err := r.members(nil, true); err != nil {
		return nil, err
	}
	return r.leaves, nil
}

// members reads an object. Array elements leave no trace in the path, and dots in names are as good as nesting.
func (r *eventReader) members(in *membership, root bool) error {
	return r.object(func(name string, _ int) error {
		if name == "" && !r.wanted.emptyNames {
			return r.skip()
		}
		length := len(r.path)
		if !root {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, name...)
		err := r.value(in)
		r.path = r.path[:length]
		return err
	})
}

// value reads the value at the reader's path.
func (r *eventReader) value(in *membership) error {
	position, ok := r.wanted.positions[string(r.path)]
	if !ok {
		return r.skip()
	}
	return r.valueAt(position, in)
}

func (r *eventReader) valueAt(position int, in *membership) error {
	switch r.peek() {
	case '{':
		return r.members(in, false)
	case '[':
		return r.elements(position, in)
	}
	s, err := r.scalar()
	if err != nil || position < 0 {
		return err
	}
	l := leaf{scalar: s, in: in}
	if s.kind == numberScalar {
		l.number, l.comparable = comparableNumber(s.text)
	}
	r.leaves[position] = append(r.leaves[position], l)
	return nil
}

// elements reads an array. Scalars in it are alternatives to each other; what lies in its objects and arrays belongs
// to one element.
func (r *eventReader) elements(position int, in *membership) error {
	array := r.arrays
	r.arrays++
	return r.array(func(index int) error {
		if c := r.peek(); c == '{' || c == '[' {
			return r.valueAt(position, &membership{array, index, in})
		}
		return r.valueAt(position, in)
	})
}
