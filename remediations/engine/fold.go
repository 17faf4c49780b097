package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// What a person on call can read: one mail an hour on what is the same, and so many of a module in five minutes. The
// others are folded: counted, and told together by Summary.
const (
	stormTime      = 5 * time.Minute
	stormAlerts    = 20
	MaxBacklogRuns = 200             // runs that a backlog names
	MaxGroupRuns   = 5               // of these, what one principal did that ended alike: nobody keeps others from being named
	claimAlertTime = 2 * time.Second // for the store to say whether an alert is sent
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

// sendOrFold tells people of a run, or leaves that to a summary. It returns what the record is to say of it. Where the
// store can't be asked, the alert is sent.
func (e *Engine) sendOrFold(ctx context.Context, record *Record) (string, error) {
	message := Render(e.Module, record)
	counting, cancel := context.WithTimeout(ctx, claimAlertTime)
	defer cancel()
	admitted, err := e.Store.ClaimAlert(counting, e.alertClaim(record, message.Facts.Critical))
	if err == nil && !admitted {
		if err = e.Store.FoldAlert(counting, e.foldedAlert(record, message.Facts.Critical)); err == nil {
			return AlertFolded, nil
		}
	}
	if err != nil {
		e.Log.WarnContext(ctx, "alert is not counted", "run", record.ID, "error", err)
	}
	if err := e.Alert(ctx, message); err != nil {
		return "", fmt.Errorf("alert: %w", err)
	}
	return AlertSent, nil
}

// alertClaim is what an alert is about: a module, a resource, who did it, how the run ended and what was wrong, so that
// what gets worse is heard of. Hours are those of the clock. What is critical has windows of its own, and what was not
// put right: nobody hides one behind a storm of others.
func (e *Engine) alertClaim(r *Record, critical bool) AlertClaim {
	now := e.Now().UTC()
	hour := now.Truncate(time.Hour)
	window := now.Truncate(stormTime).Format("15:04")
	if critical {
		window += " critical"
	}
	if r.Outcome.urgent() {
		window += " urgent"
	}
	about := sha256.Sum256([]byte(strings.Join([]string{
		r.Resource.Account, r.Resource.Region, r.Resource.Type, r.Resource.ID, withoutSession(r.Principal), string(r.Outcome),
		r.Reason, r.Left,
	}, "\x00")))
	return AlertClaim{
		Key:   remediations.AlertsRow(r.Module, hour),
		About: hex.EncodeToString(about[:10]), Run: r.ID, Window: window, Most: stormAlerts, Expires: hour.Add(2 * time.Hour),
	}
}

func (e *Engine) foldedAlert(r *Record, critical bool) FoldedAlert {
	return FoldedAlert{
		Module: r.Module, Severity: e.Module.Severity, Run: r.ID, Outcome: r.Outcome, Critical: critical, At: e.Now().UTC(),
		Resource: plain(r.Resource.String()), Principal: plain(withoutSession(r.Principal)),
	}
}

// alike is the same for what one principal did that ended alike.
func (f FoldedAlert) Group() string {
	sum := sha256.Sum256([]byte(f.Principal + "\x00" + string(f.Outcome)))
	return hex.EncodeToString(sum[:8])
}

// withoutSession is the ARN of a principal without the name of its session: whoever assumes a role chooses that.
func withoutSession(principal string) string {
	if strings.Contains(principal, ":assumed-role/") {
		return principal[:strings.LastIndex(principal, "/")]
	}
	return principal
}
