package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

func TestMetricsOfARun(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Limits.Module = 5
	if _, err := h.deliver(t, opened()); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(h.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["BudgetLeft"] != 4.0 || line["Calls"] != 0.0 || line["Remediated"] != 1.0 || line["Latency"] != 5000.0 {
		t.Errorf("the metrics are not right: %s", h.log.String())
	}
	h = newHouse(remediations.Enforce)
	h.Limits.Module = 1
	_, _ = h.deliver(t, opened())
	h.log.Reset()
	h.door.open = true
	if r, err := h.deliver(t, opened("0e2f3f0a", "aaaaaaaa")); err != nil || r.Outcome != engine.Limited {
		t.Fatalf("outcome %s (%v), want Limited", r.Outcome, err)
	}
	for _, want := range []string{`"Dimensions":[["Module"]]`, `"Dimensions":[[]],"Metrics":[{"Name":"Limited","Unit":"Count"}]`} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the line lacks %s: %s", want, h.log.String())
		}
	}
}

func TestRefusalByIAMIsAMetric(t *testing.T) {
	denied := fmt.Errorf("wrapped: %w", &smithy.GenericAPIError{Code: "AccessDeniedException"})
	for name, fault := range map[string]func(*house){
		"of the table": func(h *house) { h.store.failPut = func(*engine.Record) error { return denied } },
		"of the topic": func(h *house) { h.Alert = func(context.Context, engine.Message) error { return denied } },
	} {
		h := newHouse(remediations.Enforce)
		fault(h)
		if _, err := h.deliver(t, opened()); !errors.Is(err, denied) {
			t.Errorf("%s: error %v", name, err)
		}
		if !strings.Contains(h.log.String(), `"AccessDenied":1`) {
			t.Errorf("%s: no metric in %s", name, h.log.String())
		}
	}
}

func TestLogHoldsNoEventAndNoState(t *testing.T) {
	h := newHouse(remediations.Enforce)
	if _, err := h.deliver(t, opened()); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"lamp", "198.51.100.7", "requestParameters"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, h.log.String())
		}
	}
}
