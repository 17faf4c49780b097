package engine

import (
	"time"
)

// namespace is the CloudWatch namespace of the engine's metrics.
const namespace = "Countermand"

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

func embedMetrics(now time.Time, metrics, totals []metric) metadata {
	m := metadata{
		Timestamp:         now.UnixMilli(),
		CloudWatchMetrics: []directive{{Namespace: namespace, Dimensions: [][]string{{"Module"}}, Metrics: metrics}},
	}
	if len(totals) > 0 {
		m.CloudWatchMetrics = append(m.CloudWatchMetrics, directive{Namespace: namespace, Dimensions: [][]string{{}}, Metrics: totals})
	}
	return m
}
