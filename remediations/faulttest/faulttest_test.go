package faulttest

import (
	"testing"

	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/engine/store/storetest"
)

// The scenes' table keeps the contract of a run store, behind the deployed store.
func TestTableKeepsTheContract(t *testing.T) {
	s := &scene{t: t, table: newTable()}
	i := &invocation{scene: s, name: "contract", counts: map[string]int{}}
	storetest.Contract(t, store.NewDynamoDB(i.config("eu-west-1"), "runs"), "contract-")
}

func TestTenThousandEventsAtOnce(t *testing.T) {
	Storm(t, &store.Memory{}, "storm-", 10_000, 64)
}
