package remediations

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// The run table holds five kinds of rows, distinguished by the prefixes of their ids. The id of a run's row begins with
// its module's name, which has no capital letter, so an id of one kind is never one of another. All ids are made here,
// beside the patterns of the roles that may use them.
const (
	latestRow  = "LATEST-"
	countRow   = "COUNT-"
	alertsRow  = "ALERTS-"
	backlogRow = "BACKLOG-"
)

// rowHour is the form of an hour in an id, in UTC.
const rowHour = "2006-01-02T15"

// AllBacklogRows is the pattern of the ids of all modules' backlogs.
const AllBacklogRows = backlogRow + "*"

// RunRow returns the id of a run of a module for a resource and an event: "s3-public-policy-" and 20 hexadecimal
// digits. A replay has runs of its own, separate from the live event's.
func RunRow(module string, r Resource, event, replay string) string {
	return module + "-" + digest(r.Account, r.Region, r.Type, r.ID, event, replay)
}

// UndoRow returns the id of the run that undoes another.
func UndoRow(run string) string { return run + "-undo" }

// LatestRow returns the id of the row that holds the time of the latest event on a resource that a module handled.
func LatestRow(module string, r Resource) string {
	return latestRow + module + "-" + digest(r.Account, r.Region, r.Type, r.ID)
}

// CountRow returns the id of the row that counts something since a time.
func CountRow(since time.Time, of ...string) string {
	return countRow + since.Format(rowHour) + "-" + digest(of...)
}

// AlertsRow returns the id of the row that holds the alerts that a module sent in an hour.
func AlertsRow(module string, hour time.Time) string {
	return alertsRow + module + "-" + hour.Format(rowHour)
}

// BacklogRow returns the id of the row that holds a module's folded alerts.
func BacklogRow(module string) string { return backlogRow + module }

// digest returns 20 hexadecimal digits of the SHA-256 of parts.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:10])
}

// RowPatterns returns the ids of the rows that a function of the module needs in a mode, as patterns for its role: its
// runs, when it last looked at each resource, and, where it may act, what is counted. No module's name is another's
// with a hyphen after it, so no other module's rows match.
func (m *Module) RowPatterns(mode Mode) []string {
	patterns := []string{m.Name + "-*", latestRow + m.Name + "-*"}
	if mode == Enforce {
		patterns = append(patterns, countRow+"*")
	}
	return patterns
}

// AlertRowPatterns returns the ids of the rows in which a function counts its module's alerts, as patterns for its
// role: those that were sent in an hour, and the backlog of those that were folded.
func (m *Module) AlertRowPatterns() []string {
	return []string{alertsRow + m.Name + "-*", backlogRow + m.Name}
}
