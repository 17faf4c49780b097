// Package cloudtrailtamper notices that a CloudTrail trail was stopped, deleted or blinded, and restarts it.
package cloudtrailtamper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

const (
	// A trail is changed in its home Region only, and that is where the event comes from.
	// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html
	ownTrails = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/*"
	anyTrail  = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:*:trail/*"
	whyAny    = "an organisation's trail belongs to the management account; the accounts that see it may read it"
)

// Module restarts a trail that was stopped, and alerts on everything else that blinds one.
var Module = &remediations.Module{
	Name:  "cloudtrail-tamper",
	Title: "restart a CloudTrail trail that was stopped",
	Why: `Without a trail nobody sees what is done to the account, and neither does Countermand: turning it off is
what an intruder does first.`,
	Text: `Judged by the trail's present state, whatever the event: it is there, it is logging, and it records the
management events that write. What a trail may well do without is judged only if the event is a call that
asked for it, and the state shows it: events of all Regions, of global services and of an organisation's
members, log file validation,
KMS encryption, delivery to CloudWatch Logs, Insights, the bucket that the log files go to, and a key of
another account. Countermand keeps no copy of a trail's settings, so a change between two sufficient
settings is not noticed. A sweep finds a trail of this home Region that is not logging, and no more: what it records may
be meant so, and a trail that was deleted is in no list.

Logging is restarted, in the trail's home Region. The rest needs somebody who knows how the trail was set
up: it is alerted, and so is everything about a trail of another account (an organisation's trail, changed
by its delegated administrator). Undo stops logging again.`,
	Severity: remediations.Critical,
	Risk:     "a trail that was stopped on purpose, to save money or to be taken down, logs and costs again",
	Controls: []string{"FSBP/CloudTrail.1", "FSBP/CloudTrail.2", "FSBP/CloudTrail.4", "CIS-3.0/3.1", "CIS-3.0/3.2", "CIS-3.0/3.5", "ATT&CK/T1562.008"},
	Default:  remediations.Alert,
	Pattern: pattern.CloudTrail("cloudtrail",
		"DeleteTrail", "PutEventSelectors", "PutInsightSelectors", "StopLogging", "UpdateTrail"),
	Reads: []remediations.Permission{
		{Action: "cloudtrail:GetEventSelectors", Resource: anyTrail, Why: whyAny},
		{Action: "cloudtrail:GetTrail", Resource: anyTrail, Why: whyAny},
		{Action: "cloudtrail:GetTrailStatus", Resource: anyTrail, Why: whyAny},
		{Action: "cloudtrail:ListTrails", Resource: "*", Why: "which trails there are is no resource that IAM could name"},
	},
	Writes: []remediations.Permission{
		{Action: "cloudtrail:StartLogging", Resource: ownTrails},
	},
	UndoWrites: []remediations.Permission{
		{Action: "cloudtrail:StopLogging", Resource: ownTrails},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// The forms of what becomes part of an endpoint and of commands that people copy. An event's word for them
// is not taken.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
var (
	partitionName = regexp.MustCompile(`^aws(-[a-z]+)*$`)
	trailName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$`)
	region        = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)
	account       = regexp.MustCompile(`^[0-9]{12}$`)
)

// suspects is the trail that the call was about, by its full ARN: it names the Region where the trail lives
// and the account that owns it. The call itself succeeds with a bare name in the home Region only.
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	name := ""
	for _, p := range []events.Params{r.Response.Get("trailARN"), r.Request.Get("name"), r.Request.Get("trailName")} {
		if name = p.Text(); name != "" {
			break
		}
	}
	if name == "" {
		return nil, fmt.Errorf("the record of %s names no trail", r.EventName)
	}
	if !strings.HasPrefix(name, "arn:") {
		name = arn.ARN{Partition: remediations.Partition(event.Region), Service: "cloudtrail", Region: event.Region,
			AccountID: event.Account, Resource: "trail/" + name}.String()
	}
	a, _, err := parse(name)
	if err != nil {
		return nil, err
	}
	return []remediations.Resource{{ID: name, Type: "AWS::CloudTrail::Trail", Account: event.Account, Region: a.Region}}, nil
}

// sweep is the trails whose home Region is that of the run. Of the others the function in theirs takes care.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		pages := cloudtrail.NewListTrailsPaginator(cloudtrail.NewFromConfig(run.AWS), &cloudtrail.ListTrailsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list trails: %w", err))
				return
			}
			for _, trail := range page.Trails {
				if aws.ToString(trail.HomeRegion) != run.AWS.Region {
					continue
				}
				r := remediations.Resource{ID: aws.ToString(trail.TrailARN), Type: "AWS::CloudTrail::Trail", Account: run.Account, Region: run.AWS.Region}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// parse takes a trail's ARN apart; the string is the trail's name.
func parse(id string) (arn.ARN, string, error) {
	a, err := arn.Parse(id)
	if err != nil {
		return a, "", fmt.Errorf("parse trail ARN %q: %w", id, err)
	}
	name, isTrail := strings.CutPrefix(a.Resource, "trail/")
	if !partitionName.MatchString(a.Partition) || a.Service != "cloudtrail" || !isTrail || !trailName.MatchString(name) ||
		!region.MatchString(a.Region) || !account.MatchString(a.AccountID) {
		return a, "", fmt.Errorf("%q is not a trail's ARN", id)
	}
	return a, name, nil
}

// state is all of a trail that the action changes.
type state struct {
	Logging bool `json:"logging"`
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	a, name, err := parse(r.ID)
	if err != nil {
		return nil, err
	}
	client := cloudtrail.NewFromConfig(run.AWS)
	var (
		out       *cloudtrail.GetTrailOutput
		status    *cloudtrail.GetTrailStatusOutput
		selectors *cloudtrail.GetEventSelectorsOutput
		absent    [3]bool
	)
	err = remediations.InParallel(
		func() (err error) {
			out, err = client.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: &r.ID})
			absent[0], err = notFound(err)
			return err
		},
		func() (err error) {
			status, err = client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &r.ID})
			absent[1], err = notFound(err)
			return err
		},
		func() (err error) {
			selectors, err = client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: &r.ID})
			absent[2], err = notFound(err)
			return err
		},
	)
	switch {
	case err != nil:
		return nil, fmt.Errorf("get trail %s with its status and event selectors: %w", r.ID, err)
	case slices.Contains(absent[:], true): // of the others too, unless it was deleted that moment
		return gone(r, name), nil
	case out.Trail == nil:
		return nil, fmt.Errorf("get trail %s: the answer holds no trail", r.ID)
	}
	var weak []weakness
	if run.Event != nil { // in a sweep nobody knows whether it ever did more
		weak = weaknesses(r, out.Trail, selectors, run.Event.Record)
	}
	if aws.ToBool(status.IsLogging) {
		return alertOnly(r, state{Logging: true}, "", weak)
	}
	stopped := weakness{reason: "is not logging", fix: command(r, "start-logging", "--name")}
	home := aws.ToString(out.Trail.HomeRegion)
	switch {
	case a.AccountID != r.Account:
		return alertOnly(r, state{}, "account "+a.AccountID+" owns it, and has to restart it", append([]weakness{stopped}, weak...))
	case home != r.Region:
		return alertOnly(r, state{}, fmt.Sprintf("its home Region is %q, where it has to be restarted", home), append([]weakness{stopped}, weak...))
	}
	finding, err := remediations.Found(r, sentence(append([]weakness{stopped}, weak...), ""), state{}, state{Logging: true})
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = stopped.fix, command(r, "stop-logging", "--name")
	return finding, nil
}

// notFound takes the answer that there is no such trail out of an error.
func notFound(err error) (bool, error) {
	if remediations.ErrorCode(err) == "TrailNotFoundException" {
		return true, nil
	}
	return false, err
}

// gone is the finding about a trail that is no more. What it was set up like is in nobody's answer any
// longer; the event history keeps it for 90 days.
func gone(r remediations.Resource, name string) *remediations.Finding {
	return &remediations.Finding{
		Resource: r,
		Reason:   "the trail does not exist any more, and its settings are not in the record of its deletion",
		Fix: strings.Join([]string{
			"# How it was set up, if that was in the last 90 days:",
			"aws cloudtrail lookup-events --region " + remediations.Quote(r.Region) + " --lookup-attributes AttributeKey=EventName,AttributeValue=CreateTrail",
			"# BUCKET is the one that holds its log files:",
			"aws cloudtrail create-trail --region " + remediations.Quote(r.Region) + " --name " + remediations.Quote(name) +
				" --s3-bucket-name BUCKET --is-multi-region-trail --enable-log-file-validation",
			command(r, "start-logging", "--name"),
		}, "\n"),
		AlertOnly: true,
	}
}

// alertOnly is the finding about what a person has to put right; nil if nothing is wrong.
func alertOnly(r remediations.Resource, now state, because string, weak []weakness) (*remediations.Finding, error) {
	if len(weak) == 0 {
		return nil, nil
	}
	finding, err := remediations.Found(r, sentence(weak, because), now, now)
	if err != nil {
		return nil, err
	}
	var fixes []string
	for _, w := range weak {
		fixes = append(fixes, w.fix)
	}
	finding.Fix, finding.AlertOnly = strings.Join(fixes, "\n"), true
	return finding, nil
}

// sentence says everything that is wrong with a trail.
func sentence(weak []weakness, because string) string {
	var reasons []string
	for _, w := range weak {
		reasons = append(reasons, w.reason)
	}
	s := "the trail " + strings.Join(reasons, ", and ")
	if because != "" {
		s += "; " + because
	}
	return s
}

// command is an AWS CLI command about the trail. All of rest must be our own words.
func command(r remediations.Resource, subcommand, nameFlag string, rest ...string) string {
	return strings.Join(append([]string{"aws cloudtrail", subcommand, "--region", remediations.Quote(r.Region), nameFlag, remediations.Quote(r.ID)}, rest...), " ")
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	id := finding.Resource.ID
	if _, err := cloudtrail.NewFromConfig(run.AWS).StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: &id}); err != nil {
		return fmt.Errorf("start logging of trail %s: %w", id, err)
	}
	return nil
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	id := finding.Resource.ID
	var before, after state
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return fmt.Errorf("decode the state of trail %s: %w", id, err)
	}
	client := cloudtrail.NewFromConfig(run.AWS)
	status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &id})
	switch {
	case remediations.ErrorCode(err) == "TrailNotFoundException":
		return fmt.Errorf("trail %s is gone: %w", id, remediations.Changed(nil))
	case err != nil:
		return fmt.Errorf("get status of trail %s: %w", id, err)
	case aws.ToBool(status.IsLogging) != after.Logging:
		return fmt.Errorf("trail %s: %w", id, remediations.Changed(state{Logging: aws.ToBool(status.IsLogging)}))
	case before.Logging == after.Logging:
		return nil
	}
	if _, err := client.StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: &id}); err != nil {
		return fmt.Errorf("stop logging of trail %s: %w", id, err)
	}
	return nil
}
