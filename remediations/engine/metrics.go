package engine

import (
	"time"
)

// namespace is the CloudWatch namespace of the engine's metrics.
const namespace = "Countermand"

// A metric names a value in the log line, and its unit.
type metric struct {
	Name string
	Unit string
}

// A directive tells CloudWatch which values are metrics.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

// emfMetadata is the "_aws" member of a log line.
type emfMetadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directive
}

// embedMetrics returns the metadata for metrics, by module, and for totals, without a module.
func embedMetrics(now time.Time, metrics, totals []metric) emfMetadata {
	m := emfMetadata{
		Timestamp:         now.UnixMilli(),
		CloudWatchMetrics: []directive{{Namespace: namespace, Dimensions: [][]string{{"Module"}}, Metrics: metrics}},
	}
	if len(totals) > 0 {
		m.CloudWatchMetrics = append(m.CloudWatchMetrics, directive{Namespace: namespace, Dimensions: [][]string{{}}, Metrics: totals})
	}
	return m
}
