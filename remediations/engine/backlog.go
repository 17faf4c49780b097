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

// AlertStore is what a store keeps of alerts: which were sent, and which were folded and are not told yet.
type AlertStore interface {
	// ClaimAlert notes that an alert is to be sent, and reports whether it may: it is the first on what it is about, or of
	// the run that was, and its window is not full. What is refused is not noted.
	ClaimAlert(ctx context.Context, a AlertClaim) (bool, error)
	// FoldAlert adds an alert to its module's backlog. A run that the backlog names already is not added again.
	FoldAlert(ctx context.Context, f FoldedAlert) error
	// Backlog is what was folded of a module and is not told yet; nil if nothing is.
	Backlog(ctx context.Context, module string) (*Backlog, error)
	// ClearBacklog takes what a backlog holds out of that of its module. What was folded since it was read stays. It does
	// nothing if another call has taken it out.
	ClearBacklog(ctx context.Context, backlog *Backlog) error
}

// AlertClaim asks for an alert to be sent.
type AlertClaim struct {
	Key     string // of the module and the hour
	About   string // the same for alerts that say the same
	Run     string // id of the run
	Window  string // which five minutes of the hour, of which kind of alerts
	Most    int    // how many are sent in a window
	Expires time.Time
}

// FoldedAlert is an alert that was not sent.
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

// alike is the same for what one principal did that ended alike.
func (f FoldedAlert) Group() string {
	sum := sha256.Sum256([]byte(f.Principal + "\x00" + string(f.Outcome)))
	return hex.EncodeToString(sum[:8])
}

// Backlog is what was folded of a module and is not told yet.
type Backlog struct {
	Module   string
	Severity remediations.Severity
	Times    int // alerts
	Critical int // of these
	Outcomes map[Outcome]int
	Runs     []FoldedAlert // the first of them, by their ids: at most 200, and 5 of one principal and outcome

	Mark string // of this backlog and no later one
}
