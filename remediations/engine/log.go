package engine

import (
	"context"
	"log/slog"
	"time"
)

// namespace is the CloudWatch namespace of the engine's metrics.
const namespace = "Countermand"

// accessDenied holds the codes with which services say that our role lacks a right.
var accessDenied = map[string]bool{
	"AccessDenied":                 true,
	"AccessDeniedException":        true,
	"AuthorizationError":           true,
	"AuthorizationErrorException":  true,
	"Client.UnauthorizedOperation": true,
	"UnauthorizedOperation":        true,
}

// log writes the one line that says how a run ended. The line is also its metrics, in CloudWatch's embedded
// metric format: a count by outcome, refusals by IAM (the declared permissions are wrong), exemptions that end soon, and the time
// from the call that was made to the end of the run.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (e *Engine) log(ctx context.Context, r *Record) {
	now := e.Now()
	metrics := []metric{{Name: string(r.Outcome), Unit: "Count"}}
	attrs := []any{
		string(r.Outcome), 1,
		"Module", r.Module, "outcome", r.Outcome, "run", r.ID, "mode", r.Mode, "resource", r.Resource.String(),
		"event", r.EventID, "eventName", r.EventName, "attempt", r.Attempt,
	}
	if denied(r) {
		metrics = append(metrics, metric{Name: "AccessDenied", Unit: "Count"})
		attrs = append(attrs, "AccessDenied", 1)
	}
	if r.ending() {
		metrics = append(metrics, metric{Name: "ExemptionExpiring", Unit: "Count"})
		attrs = append(attrs, "ExemptionExpiring", 1)
	}
	if !r.EventTime.IsZero() && r.Replay == "" {
		metrics = append(metrics, metric{Name: "Latency", Unit: "Milliseconds"})
		attrs = append(attrs, "Latency", now.Sub(r.EventTime).Milliseconds())
	}
	if r.Error != "" {
		attrs = append(attrs, "error", r.Error)
	}
	attrs = append(attrs, "_aws", embedded(now, metrics))
	level := slog.LevelInfo
	switch r.Outcome {
	case NoMatch, Partial, Unverified, Limited, Contested:
		level = slog.LevelWarn
	case Failed, Rejected:
		level = slog.LevelError
	}
	e.Log.Log(ctx, level, "run ended", attrs...)
}

type metric struct {
	Name string
	Unit string
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directive
}

func embedded(now time.Time, metrics []metric) metadata {
	return metadata{
		Timestamp:         now.UnixMilli(),
		CloudWatchMetrics: []directive{{Namespace: namespace, Dimensions: [][]string{{"Module"}}, Metrics: metrics}},
	}
}

func denied(r *Record) bool {
	if r.denied {
		return true
	}
	for _, call := range r.Calls {
		if accessDenied[call.Error] {
			return true
		}
	}
	return false
}
