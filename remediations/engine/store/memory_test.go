package store_test

import (
	"testing"

	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/engine/store/storetest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	storetest.Contract(t, &store.Memory{}, "")
}
