// Command remediate is the Lambda function of every module: the environment says which one this is.
//
//	COUNTERMAND_MODULE          the module's name
//	COUNTERMAND_MODE            observe, alert or enforce
//	COUNTERMAND_ACCOUNT         the account it works in, 12 digits
//	COUNTERMAND_TABLE           the run table's name
//	COUNTERMAND_TOPIC           the alert topic's ARN
//	COUNTERMAND_CRITICAL_TOPIC  the ARN of the topic for critical alerts
//	COUNTERMAND_SWITCH          the name of the kill switch's parameter
//	COUNTERMAND_RETENTION_DAYS  how long run records are kept
//	COUNTERMAND_LIMITS          how often it may act: a JSON object, see remediations.Limits
//	COUNTERMAND_EXEMPTIONS      optional: JSON list of the module's exemptions
//	COUNTERMAND_SETTINGS        of a module that has settings: a JSON object, read over its own
//	COUNTERMAND_SWEEP           optional: observe, alert or enforce: how far a sweep may go
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/modules"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	e, err := build(context.Background(), os.Getenv, log)
	if err != nil {
		// Not an exit: each event then gets this error, is tried again and ends in the failure queue, and
		// the alarm on errors rings.
		log.Error("function is not configured", "error", err)
	}
	lambda.Start(&handler{engine: e, broken: err})
}

// handler gives the engine the event as it came, so that malformed text is the engine's to judge.
type handler struct {
	engine *engine.Engine
	broken error // why there is no engine
}

// Invoke implements lambda.Handler.
func (h *handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if h.broken != nil {
		return nil, h.broken
	}
	_, err := h.engine.Handle(ctx, event)
	return nil, err
}

// build reads the environment into an engine. It reports everything that is wrong with it at once.
func build(ctx context.Context, getenv func(string) string, log *slog.Logger) (*engine.Engine, error) {
	var errs []error
	required := func(name string) string {
		value := getenv(name)
		if value == "" {
			errs = append(errs, fmt.Errorf("environment: %s is not set", name))
		}
		return value
	}
	c := engine.Config{
		Account: required("COUNTERMAND_ACCOUNT"),
		Log:     log,
		Now:     time.Now,
		Wait:    engine.Wait,
	}
	table, parameter := required("COUNTERMAND_TABLE"), required("COUNTERMAND_SWITCH")
	topic, critical := required("COUNTERMAND_TOPIC"), required("COUNTERMAND_CRITICAL_TOPIC")
	name := required("COUNTERMAND_MODULE")
	if c.Module = remediations.Find(modules.All(), name); c.Module == nil && name != "" {
		errs = append(errs, fmt.Errorf("environment: COUNTERMAND_MODULE: unknown module %q: want one of %s", name, strings.Join(names(), ", ")))
	}
	if mode := required("COUNTERMAND_MODE"); mode != "" {
		if err := c.Mode.UnmarshalText([]byte(mode)); err != nil {
			errs = append(errs, fmt.Errorf("environment: COUNTERMAND_MODE: %w", err))
		}
	}
	if text := getenv("COUNTERMAND_SWEEP"); text != "" {
		if err := c.Sweep.UnmarshalText([]byte(text)); err != nil {
			errs = append(errs, fmt.Errorf("environment: COUNTERMAND_SWEEP: %w", err))
		}
	}
	if c.Module != nil && c.Module.Settings != nil {
		var err error
		if c.Settings, err = c.Module.ParseSettings([]byte(required("COUNTERMAND_SETTINGS"))); err != nil {
			errs = append(errs, fmt.Errorf("environment: COUNTERMAND_SETTINGS: %w", err))
		}
	}
	if text := required("COUNTERMAND_RETENTION_DAYS"); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 1 {
			errs = append(errs, fmt.Errorf("environment: COUNTERMAND_RETENTION_DAYS: %q is not a number of days", text))
		}
		c.Retention = time.Duration(days) * 24 * time.Hour
	}
	if text := required("COUNTERMAND_LIMITS"); text != "" {
		if err := json.Unmarshal([]byte(text), &c.Limits); err != nil {
			errs = append(errs, fmt.Errorf("environment: COUNTERMAND_LIMITS: %w", err))
		}
	}
	if text := getenv("COUNTERMAND_EXEMPTIONS"); text != "" {
		if err := json.Unmarshal([]byte(text), &c.Exemptions); err != nil {
			// An exemption that can't be read must not become "not exempt".
			errs = append(errs, fmt.Errorf("environment: COUNTERMAND_EXEMPTIONS: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.BaseEndpoint != nil {
		cfg.APIOptions = append(cfg.APIOptions, pinHost(*cfg.BaseEndpoint))
	}
	c.AWS = cfg
	c.Store = store.NewDynamoDB(cfg, table)
	c.Switch = engine.NewSwitchReader(cfg, parameter, time.Now)
	c.Alert = engine.NewSNSSender(cfg, topic, critical)
	c.Tags = engine.NewTagReader(cfg)
	return engine.New(c)
}

func names() []string {
	var all []string
	for _, m := range modules.All() {
		all = append(all, m.Name)
	}
	return all
}
