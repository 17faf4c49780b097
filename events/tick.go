package events

import (
	"errors"
	"fmt"
	"time"
)

// Tick is the event of an EventBridge rule that has a schedule.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
type Tick struct {
	ID      string
	Account string
	Region  string
	Time    time.Time
	Rule    string // ARN of the rule
}

// ParseTick reads a scheduled event. ok says whether the text is one: nobody but EventBridge can send its source. An
// error says what such a one lacks.
func ParseTick(raw []byte) (t Tick, ok bool, err error) {
	envelope, err := object(raw)
	if err != nil || text(envelope["source"]) != "aws.events" || text(envelope["detail-type"]) != "Scheduled Event" {
		return Tick{}, false, nil
	}
	t = Tick{
		ID: text(envelope["id"]), Account: text(envelope["account"]), Region: text(envelope["region"]), Time: instant(envelope["time"]),
		Rule: Params{envelope["resources"]}.Text(),
	}
	switch {
	case unique(raw) != nil:
		return t, true, fmt.Errorf("scheduled event: %w", unique(raw))
	case t.ID == "" || t.Account == "" || t.Region == "" || t.Time.IsZero() || t.Rule == "":
		return t, true, errors.New("scheduled event: it lacks id, account, region, time or its one rule")
	}
	return t, true, nil
}
