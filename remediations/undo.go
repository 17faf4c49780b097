package remediations

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/countermand/countermand/events/pattern"
)

// MatchesUndo reports whether the module may receive an event of its own undo. In mode enforce it would then revert the
// undo, unless the resource is exempt. The result is false only if that is certain: the pattern is a list of calls, and
// undo makes none of them. An IAM action and the event of its call can differ in name, so an action that is no known
// event name counts as a match.
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
