package tagoncreate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTags is how many tags a resource can have, not counting those that AWS sets ("aws:...").
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
const maxTags = 50

// tags is the tags of one resource, by their keys.
type tags map[string]string

func (t tags) merge(more tags) { maps.Copy(t, more) }

// get is a tag's value; nil if there is no such tag. Where keys fold, they are equal if they differ in case only.
func (t tags) get(key string, fold bool) *string {
	if value, ok := t[key]; ok {
		return &value
	}
	for other, value := range t {
		if fold && strings.EqualFold(other, key) {
			return &value
		}
	}
	return nil
}

// counted is how many tags count towards the limit.
func (t tags) counted() int {
	n := 0
	for key := range t {
		if !strings.HasPrefix(strings.ToLower(key), "aws:") {
			n++
		}
	}
	return n
}

// state is what the module reads and changes: for each resource the values of the tags that it writes, nil for one that is
// not there.
type state map[string]map[string]*string

func (s state) ids() []string { return slices.Sorted(maps.Keys(s)) }

// change is what is to be done to resources which lack, or have, the very same tags.
type change struct {
	ids       []string
	set, drop tags
}

// changes is what makes one state of another. A resource or a tag that the first does not know is left alone.
func changes(from, to state) []change {
	var all []change
	number := map[string]int{}
	for _, id := range to.ids() {
		c := change{ids: []string{id}, set: tags{}, drop: tags{}}
		for key, was := range from[id] {
			switch is, known := to[id][key]; {
			case !known || equal(was, is):
			case is == nil:
				c.drop[key] = *was
			default:
				c.set[key] = *is
			}
		}
		if len(c.set)+len(c.drop) == 0 {
			continue
		}
		name := fmt.Sprint(c.set, c.drop)
		if i, ok := number[name]; ok {
			all[i].ids = append(all[i].ids, id)
			continue
		}
		number[name] = len(all)
		all = append(all, c)
	}
	return all
}

// between reports whether each of the values is as before or as after.
func between(now, before, after map[string]*string) bool {
	for key := range after {
		if !equal(now[key], before[key]) && !equal(now[key], after[key]) {
			return false
		}
	}
	return true
}

func equal(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
