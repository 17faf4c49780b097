package remediations

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/countermand/countermand/events/pattern"
)

// MatchesUndo reports whether the module may hear of its own undo, so that where it enforces, it takes the resource back
// again unless that is exempt. It is false only where that is certain: the pattern is a list of calls, and none of them
// is one that undo may make. A right need not be called as the event of the call is; where no event has its name, it
// can't be told.
func (m *Module) MatchesUndo() bool {
	var listed struct {
		Detail struct {
			EventName []string `json:"eventName"`
		} `json:"detail"`
	}
	if json.Unmarshal([]byte(m.Pattern), &listed) != nil || len(listed.Detail.EventName) == 0 {
		return true
	}
	return slices.ContainsFunc(slices.Concat(m.Writes, m.UndoWrites), func(p Permission) bool {
		service, call, _ := strings.Cut(p.Action, ":")
		return !pattern.KnownCall(service, call) || slices.Contains(listed.Detail.EventName, call)
	})
}
