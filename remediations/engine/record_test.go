package engine_test

import (
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// Whoever chooses a policy must not be able to make the record of its undo too large for the table: S3 takes 20 KB of
// policy, and the record contains it four times, twice as a quoted word of a command.
func TestRecordOfTheLargestPolicyFits(t *testing.T) {
	for _, filler := range []string{"<", "'", `\"`, "é", "\u2028", `\u0001`} {
		policy := `{"Sid":"` + strings.Repeat(filler, 20_000/len(filler)) + `"}`
		finding, err := remediations.Found(remediations.Resource{}, "it is public", policy, policy)
		if err != nil {
			t.Fatal(err)
		}
		command := strings.ReplaceAll(policy, "'", `'\''`)
		if filler == "é" || filler == "\u2028" {
			command = strings.ReplaceAll(policy, filler, `\u2028`)
		}
		sent := 0
		runs := store.NewDynamoDB(reached(&sent), "runs")
		err = runs.Put(t.Context(), &engine.Record{ID: "id", Version: 1, Before: finding.Before, After: finding.After, Fix: command, Revert: command})
		if sent != 1 || remediations.ErrorCode(err) != "AccessDenied" {
			t.Errorf("filled with %q: it was not sent: %v", filler, err)
		}
	}
}
