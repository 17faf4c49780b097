// Command ledger is the Lambda function that keeps records where a change in them is seen. The environment says which
// of its two halves this one is, so that neither has the other's rights:
//
//	COUNTERMAND_LEDGER          write: the run table's stream calls it, and it writes records into the bucket.
//	                            digest: a rule calls it each hour, and it writes and signs digests of these records.
//	COUNTERMAND_BUCKET          the bucket's name
//	COUNTERMAND_ACCOUNT         of the digests: the account, 12 digits
//	COUNTERMAND_KEY             of the digests: the ARN of the KMS key that signs them
//	COUNTERMAND_RETENTION_DAYS  of the digests: after how many days the bucket deletes a record
//	AWS_REGION                  of the digests: the Region; Lambda sets it
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/countermand/countermand/remediations/ledger"
	"github.com/countermand/countermand/remediations/ledger/bucket"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	handler, err := build(context.Background(), os.Getenv, log)
	if err != nil {
		// Not an exit: each event then gets this error, and the alarm on errors rings.
		log.Error("function is not configured", "error", err)
		handler = broken{err}
	}
	lambda.Start(handler)
}

// broken is a function that is not configured.
type broken struct{ err error }

// Invoke implements lambda.Handler.
func (b broken) Invoke(context.Context, []byte) ([]byte, error) { return nil, b.err }

// build reads the environment into one half of the function. It reports everything that is wrong with it at once.
func build(ctx context.Context, getenv func(string) string, log *slog.Logger) (lambda.Handler, error) {
	var errs []error
	required := func(name string) string {
		value := getenv(name)
		if value == "" {
			errs = append(errs, fmt.Errorf("environment: %s is not set", name))
		}
		return value
	}
	half, name := required("COUNTERMAND_LEDGER"), required("COUNTERMAND_BUCKET")
	var l ledger.Ledger
	switch half {
	case "write", "":
	case "digest":
		l = ledger.Ledger{
			Account: required("COUNTERMAND_ACCOUNT"), Region: required("AWS_REGION"), Bucket: name, Key: required("COUNTERMAND_KEY"),
		}
		if text := required("COUNTERMAND_RETENTION_DAYS"); text != "" {
			days, err := strconv.Atoi(text)
			if err != nil || days < 1 {
				errs = append(errs, fmt.Errorf("environment: COUNTERMAND_RETENTION_DAYS: %q is not a number of days", text))
			}
			l.RetentionDays = days
		}
	default:
		errs = append(errs, fmt.Errorf("environment: COUNTERMAND_LEDGER: unknown half %q: want write or digest", half))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if half == "write" {
		return &writer{store: bucket.New(cfg, name), now: time.Now, log: log}, nil
	}
	return &digester{maker: newMaker(cfg, l), now: time.Now, log: log}, nil
}

func newMaker(cfg aws.Config, l ledger.Ledger) *ledger.Maker {
	return &ledger.Maker{Ledger: l, Store: bucket.New(cfg, l.Bucket), Sign: signer(cfg, l.Key)}
}
