// Package detectordisabled notices that GuardDuty, AWS Config or Security Hub was switched off, and switches back on what
// is the same afterwards.
package detectordisabled

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

const (
	detectors = "arn:${AWS::Partition}:guardduty:${AWS::Region}:${AWS::AccountId}:detector/*"
	hub       = "arn:${AWS::Partition}:securityhub:${AWS::Region}:${AWS::AccountId}:hub/default"

	whyConfig = "AWS Config's calls on recorders and delivery channels can't be limited to one: there is one of each in a Region"
	whyList   = "the list of detectors is no resource that IAM could name"
	whyHub    = "the call names no hub"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "detector-disabled",
	Title: "switch GuardDuty and AWS Config back on",
	Why:   `What watches an account is what an intruder switches off first, and what is missed only when it would have been needed.`,
	Text: `Switched back on is what is the same afterwards: a suspended GuardDuty detector, and a stopped recorder of AWS Config
that still has its delivery channel. Undo switches it off again.

The rest is alerted, with the commands: a deleted detector, recorder or delivery channel, as nobody knows any more how
it was set up, unless one that is on has taken its place; a suspended detector that another account administers, as that
one has to start it; GuardDuty's members that are no longer watched; a detector that has left its administrator; and
Security Hub, or standards of it, as enabling them again brings back neither the controls that were switched off nor
members and administrator.

Judged by what there is now. Nothing is wrong in a Region that has none of these, or with a recorder that was never
started and has taken no other's place. Not noticed are protection plans of GuardDuty and resource types of AWS Config
that are left out, members that are removed by the administrator, single controls of Security Hub, recorders that belong
to AWS services, and Macie, Inspector and IAM Access Analyzer. A sweep finds what is suspended or stopped, not what is
gone.`,
	Severity: remediations.Critical,
	Risk:     "what was switched off on purpose, to save money or for good, watches and costs again",
	Controls: []string{"FSBP/GuardDuty.1", "FSBP/Config.1", "CIS-3.0/3.3", "CIS-3.0/4.16", "ATT&CK/T1562.001"},
	Default:  remediations.Alert,
	Pattern:  watched(),
	Reads: []remediations.Permission{
		{Action: "config:DescribeConfigurationRecorderStatus", Resource: "*", Why: whyConfig},
		{Action: "config:DescribeDeliveryChannels", Resource: "*", Why: whyConfig},
		{Action: "guardduty:GetAdministratorAccount", Resource: detectors},
		{Action: "guardduty:GetDetector", Resource: detectors},
		{Action: "guardduty:GetMembers", Resource: detectors},
		{Action: "guardduty:ListDetectors", Resource: "*", Why: whyList},
		{Action: "securityhub:DescribeHub", Resource: hub},
		{Action: "securityhub:GetEnabledStandards", Resource: "*", Why: whyHub},
	},
	Writes: []remediations.Permission{
		{Action: "config:StartConfigurationRecorder", Resource: "*", Why: whyConfig},
		{Action: "guardduty:UpdateDetector", Resource: detectors},
	},
	UndoWrites: []remediations.Permission{
		{Action: "config:StopConfigurationRecorder", Resource: "*", Why: whyConfig},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// kind is a kind of thing that can be switched off.
type kind struct {
	resource string   // CloudFormation's name of its type
	service  string   // first label of the event source
	calls    []string // that switch it off
	// named is the id of what a call was about; "" if it is none that is ours to look after.
	named func(events.Record) (string, error)
	// list is the ids of those that there are; nil where only one that is gone could be wrong.
	list func(context.Context, aws.Config) ([]string, error)
	// judge is what is wrong with one; nil if nothing is.
	judge func(context.Context, *remediations.Run, remediations.Resource) (*remediations.Finding, error)
	// on is whether it is, and false if it is gone, in which case there is none. turn switches it on or off. Both are nil
	// where nothing is switched back on.
	on   func(ctx context.Context, cfg aws.Config, id string) (on, exists bool, err error)
	turn func(ctx context.Context, cfg aws.Config, id string, on bool) error
}

var kinds = []kind{
	{resource: channelType, service: "config", calls: []string{"DeleteDeliveryChannel"}, named: channelOf, judge: judgeChannel},
	{resource: recorderType, service: "config", calls: []string{deletedRecorder, "StopConfigurationRecorder"},
		named: recorderOf, list: listRecorders, judge: judgeRecorder, on: recording, turn: turnRecorder},
	{resource: detectorType, service: "guardduty",
		calls: []string{"DeleteDetector", leftAdministrator, leftMaster, stoppedMembers, "UpdateDetector"},
		named: detectorOf, list: listDetectors, judge: judgeDetector, on: detecting, turn: turnDetector},
	{resource: hubType, service: "securityhub", calls: []string{disabledStandards, "DisableSecurityHub"}, named: hubOf, judge: judgeHub},
}

type list = []string

// watched is the rule's: one alternative a kind, as other services have calls of the same names.
func watched() pattern.Pattern {
	type source struct {
		Source list `json:"source"`
		Detail struct {
			EventSource list `json:"eventSource"`
			EventName   list `json:"eventName"`
		} `json:"detail"`
	}
	var or []source
	for _, k := range kinds {
		s := source{Source: list{"aws." + k.service}}
		s.Detail.EventSource, s.Detail.EventName = list{k.service + ".amazonaws.com"}, k.calls
		or = append(or, s)
	}
	text, _ := json.Marshal(map[string]any{ // there is no string that it refuses
		"detail-type": list{"AWS API Call via CloudTrail"},
		"detail":      map[string]any{"errorCode": []any{map[string]any{"exists": false}}},
		"$or":         or,
	})
	return pattern.Pattern(text)
}

// suspects is what the call was about.
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	i := slices.IndexFunc(kinds, func(k kind) bool {
		return k.service+".amazonaws.com" == r.EventSource && slices.Contains(k.calls, r.EventName)
	})
	if i < 0 {
		return nil, fmt.Errorf("nothing is known about what %s of %s switches off", r.EventName, r.EventSource)
	}
	id, err := kinds[i].named(r)
	if err != nil || id == "" {
		return nil, err
	}
	return []remediations.Resource{{ID: id, Type: kinds[i].resource, Account: event.Account, Region: event.Region}}, nil
}

func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		for _, k := range kinds {
			if k.list == nil {
				continue
			}
			ids, err := k.list(ctx, run.AWS)
			if err != nil {
				yield(remediations.Resource{}, err)
				return
			}
			for _, id := range ids {
				if !yield(remediations.Resource{ID: id, Type: k.resource, Account: run.Account, Region: run.AWS.Region}, nil) {
					return
				}
			}
		}
	}
}

// state is all that the action changes.
type state struct {
	On bool `json:"on"`
}

func kindOf(r remediations.Resource) (kind, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.resource == r.Type })
	if i < 0 {
		return kind{}, fmt.Errorf("nothing is known about %s", r)
	}
	return kinds[i], nil
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	k, err := kindOf(r)
	if err != nil {
		return nil, err
	}
	return k.judge(ctx, run, r)
}

// off is the finding about what the action can switch on again.
func off(r remediations.Resource, reason, fix, revert string) (*remediations.Finding, error) {
	finding, err := remediations.Found(r, reason, state{}, state{On: true})
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = fix, revert
	return finding, nil
}

// alert is the finding about what people have to put right.
func alert(r remediations.Resource, reason, fix string) *remediations.Finding {
	return &remediations.Finding{Resource: r, Reason: reason, Fix: fix, AlertOnly: true}
}

// asked is whether a call of the name made the run. In a sweep none did.
func asked(run *remediations.Run, names ...string) bool {
	return run.Event != nil && slices.Contains(names, run.Event.Record.EventName)
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, err := kindOf(finding.Resource)
	switch {
	case err != nil:
		return err
	case k.turn == nil:
		return fmt.Errorf("%s can't be switched on again", finding.Resource)
	}
	return k.turn(ctx, run.AWS, finding.Resource.ID, true)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	r := finding.Resource
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	var before, after state
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return fmt.Errorf("decode the state of %s: %w", r, err)
	}
	if k.turn == nil || before.On || !after.On {
		return fmt.Errorf("%s was not switched on: there is nothing to undo", r)
	}
	on, exists, err := k.on(ctx, run.AWS, r.ID)
	switch {
	case err != nil:
		return err
	case !exists:
		return fmt.Errorf("%s is gone: %w", r, remediations.Changed(nil))
	case !on:
		return fmt.Errorf("%s: %w", r, remediations.Changed(state{}))
	}
	return k.turn(ctx, run.AWS, r.ID, false)
}

var errNoList = errors.New("the answer holds no list")
