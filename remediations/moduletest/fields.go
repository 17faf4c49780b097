package moduletest

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// paths lists every field of a decoded event; list elements go by their number.
func paths(v any, prefix []string) [][]string {
	var all [][]string
	add := func(key string, child any) {
		path := append(append([]string(nil), prefix...), key)
		all = append(all, path)
		all = append(all, paths(child, path)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			add(key, child)
		}
	case []any:
		for i, child := range v {
			add(strconv.Itoa(i), child)
		}
	}
	return all
}

// remove takes the field at a path out of an event; with a replacement it puts that in its place.
func remove(v any, path []string, replacement any) {
	key, last := path[0], len(path) == 1
	switch v := v.(type) {
	case map[string]any:
		switch {
		case !last:
			remove(v[key], path[1:], replacement)
		case replacement == nil:
			delete(v, key)
		default:
			v[key] = replacement
		}
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil || i >= len(v) {
			return
		}
		if !last {
			remove(v[i], path[1:], replacement)
			return
		}
		v[i] = replacement
	}
}

// changed is an event with a change made to it.
func changed(raw []byte, change func(map[string]any)) []byte {
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		panic(fmt.Sprintf("moduletest: a case's event was parsed before: %v", err))
	}
	change(event)
	text, err := json.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("moduletest: encode a decoded event: %v", err))
	}
	return text
}

// detail is the event's CloudTrail record.
func detail(event map[string]any) map[string]any {
	d, _ := event["detail"].(map[string]any)
	return d
}
