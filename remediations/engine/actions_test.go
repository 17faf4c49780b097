package engine_test

import (
	"testing"

	"github.com/countermand/countermand/remediations/engine"
)

func TestActionOfAnUnknownServiceIsAnError(t *testing.T) {
	if action, err := engine.IAMAction("Managed Blockchain", "GetNode"); err == nil {
		t.Errorf("got %s", action)
	}
}
