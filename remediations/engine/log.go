package engine

import (
	"context"
	"log/slog"
)

// logRun writes the one line that says how a run ended. The line is also its metrics, in CloudWatch's embedded metric
// format, by module: a count by outcome, the module's AWS calls, denied calls (a declared permission is wrong),
// exemptions that end soon, the module's remaining budget, and the time from the API call to the end of the run.
// Metrics with one alarm per stack are also counted without a module.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (e *Engine) logRun(ctx context.Context, r *Record) {
	now := e.Now()
	var metrics, totals []metric
	attrs := []any{
		"Module", r.Module, "outcome", r.Outcome, "run", r.ID, "mode", r.Mode, "resource", r.Resource.String(),
		"event", r.EventID, "eventName", r.EventName, "attempt", r.Attempt,
	}
	note := func(name, unit string, value int64) {
		metrics = append(metrics, metric{name, unit})
		attrs = append(attrs, name, value)
		if inTotal[name] {
			totals = append(totals, metric{name, unit})
		}
	}
	note(string(r.Outcome), "Count", 1)
	note("Calls", "Count", int64(r.callCount))
	if accessWasDenied(r) {
		note("AccessDenied", "Count", 1)
	}
	if r.switchUnread {
		note("SwitchUnreadable", "Count", 1)
	}
	if r.exemptionEndsSoon() {
		note("ExemptionExpiring", "Count", 1)
	}
	if r.budgetLeft != nil {
		note("BudgetLeft", "Count", int64(*r.budgetLeft))
	}
	if !r.EventTime.IsZero() && r.Replay == "" {
		note("Latency", "Milliseconds", now.Sub(r.EventTime).Milliseconds())
	}
	if r.Lowered != "" {
		attrs = append(attrs, "lowered", r.Lowered)
	}
	if r.Error != "" {
		attrs = append(attrs, "error", r.Error)
	}
	attrs = append(attrs, "_aws", embedMetrics(now, metrics, totals))
	level := slog.LevelInfo
	switch r.Outcome {
	case NoMatch, Partial, Unverified, Limited, Contested:
		level = slog.LevelWarn
	case Failed, Rejected:
		level = slog.LevelError
	}
	e.Log.Log(ctx, level, "run ended", attrs...)
}

// inTotal holds the metrics that have one alarm per stack.
var inTotal = map[string]bool{
	string(Rejected): true, string(Unverified): true, string(Limited): true, string(Contested): true,
	"AccessDenied": true, "SwitchUnreadable": true,
}
