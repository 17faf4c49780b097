package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/countermand/countermand/remediations"
)

// Bounds of the runs that a backlog names. The second keeps one principal's runs from hiding everybody else's.
const (
	MaxBacklogRuns = 200
	MaxGroupRuns   = 5 // of one principal and outcome
)

// An AlertStore keeps which alerts were sent, and which were folded for the next summary.
type AlertStore interface {
	// ClaimAlert notes that an alert will be sent, and reports whether it may be: no other run has sent the same one,
	// and its window is not full. A refused alert is not noted.
	ClaimAlert(ctx context.Context, a AlertClaim) (bool, error)
	// FoldAlert adds an alert to its module's backlog. A run that the backlog already names is not added again.
	FoldAlert(ctx context.Context, f FoldedAlert) error
	// Backlog returns a module's backlog, or nil if it is empty.
	Backlog(ctx context.Context, module string) (*Backlog, error)
	// ClearBacklog removes from a module's backlog what a read of it returned. Alerts folded since then stay. It does
	// nothing if another call has removed them already.
	ClearBacklog(ctx context.Context, backlog *Backlog) error
}

// An AlertClaim asks whether an alert may be sent.
type AlertClaim struct {
	Key     string // names the module and the hour
	About   string // equal for alerts that say the same
	Run     string // id of the run
	Window  string // names the five minutes, and the kind of alerts
	Most    int    // how many alerts a window allows
	Expires time.Time
}

// A FoldedAlert was not sent on its own.
type FoldedAlert struct {
	Module    string                `json:"module"`
	Severity  remediations.Severity `json:"severity"`
	Run       string                `json:"run"`
	Outcome   Outcome               `json:"outcome"`
	Resource  string                `json:"resource"`  // type and id
	Principal string                `json:"principal"` // ARN; of a session without its name
	Critical  bool                  `json:"critical"`
	At        time.Time             `json:"at"`
}

// Group returns the same key for alerts with the same principal and outcome.
func (f FoldedAlert) Group() string {
	sum := sha256.Sum256([]byte(f.Principal + "\x00" + string(f.Outcome)))
	return hex.EncodeToString(sum[:8])
}

// A Backlog holds a module's folded alerts until the next summary.
type Backlog struct {
	Module   string
	Severity remediations.Severity
	Times    int // alerts
	Critical int // how many of them are critical
	Outcomes map[Outcome]int
	Runs     []FoldedAlert // the first of them, by id: at most MaxBacklogRuns, and MaxGroupRuns of one group

	Mark string // identifies this backlog; a later one has another
}
