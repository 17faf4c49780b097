// Command summary is the Lambda function that tells people of the alerts that the modules' functions have folded. It
// runs every few minutes, and sends nothing if nothing is folded.
//
//	COUNTERMAND_TABLE           the run table's name
//	COUNTERMAND_TOPIC           the alert topic's ARN
//	COUNTERMAND_CRITICAL_TOPIC  the ARN of the topic for critical alerts
//	COUNTERMAND_MODULES         the modules' names, with commas between them
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	s, err := build(context.Background(), os.Getenv)
	if err != nil {
		// Not an exit: each invocation then gets this error, and the alarm on errors rings.
		log.Error("function is not configured", "error", err)
	}
	lambda.Start((&handler{summary: s, broken: err, log: log}).handle)
}

type handler struct {
	summary *engine.Summary
	broken  error // why there is no summary
	log     *slog.Logger
}

// handle tells of what is folded. The event says only that it is time.
func (h *handler) handle(ctx context.Context) error {
	if h.broken != nil {
		return h.broken
	}
	folded, err := h.summary.Send(ctx)
	h.log.InfoContext(ctx, "summary ended", "folded", folded)
	return err
}

// build reads the environment. It reports everything that is wrong with it at once.
func build(ctx context.Context, getenv func(string) string) (*engine.Summary, error) {
	var errs []error
	required := func(name string) string {
		value := getenv(name)
		if value == "" {
			errs = append(errs, fmt.Errorf("environment: %s is not set", name))
		}
		return value
	}
	table, modules := required("COUNTERMAND_TABLE"), required("COUNTERMAND_MODULES")
	topic, critical := required("COUNTERMAND_TOPIC"), required("COUNTERMAND_CRITICAL_TOPIC")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return &engine.Summary{
		Modules: strings.Split(modules, ","),
		Store:   store.NewDynamoDB(cfg, table),
		Alert:   engine.NewSNSSender(cfg, topic, critical),
		Now:     time.Now,
	}, nil
}
