package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countermand/countermand/remediations/ledger"
)

// digester makes the digests of the hours that are over.
type digester struct {
	maker *ledger.Maker
	now   func() time.Time
	log   *slog.Logger
}

// ahead is how far after now the time of an event may be. Nobody's clock is that wrong; the sandbox, which has no hour
// to wait, closes the one that it is in.
const ahead = time.Hour

// Invoke implements lambda.Handler. The event is that of a scheduled rule, of which it takes the time: a retry then
// does the same again.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
func (d *digester) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var scheduled struct{ Time time.Time }
	if err := json.Unmarshal(event, &scheduled); err != nil {
		return nil, fmt.Errorf("decode the scheduled event: %w", err)
	}
	if scheduled.Time.IsZero() || scheduled.Time.After(d.now().Add(ahead)) {
		return nil, fmt.Errorf("the event's time is %s: want one that has come", scheduled.Time.Format(time.RFC3339))
	}
	made, err := d.maker.Make(ctx, scheduled.Time)
	d.report(ctx, made, err)
	return nil, err
}

// report writes the line that is also the metrics of an invocation, in CloudWatch's embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (d *digester) report(ctx context.Context, made ledger.MakeResult, err error) {
	type metric struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []metric
	}
	metrics := []metric{{"Digests", "Count"}}
	attrs := []any{"Module", "ledger", "Digests", made.Digests, "records", made.Records, "newest", made.Newest, "more", made.More}
	if made.Began {
		metrics = append(metrics, metric{"Began", "Count"})
		attrs = append(attrs, "Began", 1)
	}
	attrs = append(attrs, "_aws", map[string]any{
		"Timestamp":         d.now().UnixMilli(),
		"CloudWatchMetrics": []directive{{"Countermand", [][]string{{"Module"}}, metrics}},
	})
	if err != nil {
		d.log.ErrorContext(ctx, "digests not made", append(attrs, "error", err.Error())...)
		return
	}
	d.log.InfoContext(ctx, "digests made", attrs...)
}

// signer signs a SHA-256 with a key in KMS.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
func signer(cfg aws.Config, key string) func(context.Context, []byte) ([]byte, error) {
	client := kms.NewFromConfig(cfg)
	return func(ctx context.Context, sum []byte) ([]byte, error) {
		out, err := client.Sign(ctx, &kms.SignInput{
			KeyId: &key, Message: sum, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
		})
		if err != nil {
			return nil, fmt.Errorf("sign with %s: %w", key, err)
		}
		return out.Signature, nil
	}
}
