//go:build emulator

package sandbox

import (
	"os"
	"strconv"
	"testing"

	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/faulttest"
)

// stormEvents is how many events the storm on the emulator has, unless STORM_EVENTS says another number. Two thousand
// take some fifteen seconds there, ten thousand more than a minute.
const stormEvents = 2_000

// The storm of faulttest, on transactions as DynamoDB makes them.
func TestStormOnDynamoDB(t *testing.T) {
	n := stormEvents
	if text := os.Getenv("STORM_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	faulttest.Storm(t, store.NewDynamoDB(tableOnEmulator(t), "runs"), "storm-", n, 16)
}
