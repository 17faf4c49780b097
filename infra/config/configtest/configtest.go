// Package configtest has modules for tests of what reads a configuration and of what deploys it.
package configtest

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

// Now is when the tests' configurations are read.
var Now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// Modules returns modules whose declarations have what those of the catalog may not have.
func Modules() []*remediations.Module {
	module := func(name string, acts bool) *remediations.Module {
		m := &remediations.Module{
			Name:     name,
			Title:    "do the " + name + " thing",
			Why:      "Because.",
			Text:     "Undo does it again.",
			Severity: remediations.High,
			Default:  remediations.Observe,
			Pattern:  pattern.CloudTrail("s3", "PutBucketPolicy"),
			Reads: []remediations.Permission{
				{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"},
				{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*/*"},
				{Action: "access-analyzer:List*", Resource: "*", Why: "there is no other"},
			},
			Suspects: func(events.Event) ([]remediations.Resource, error) { return nil, nil },
			Guard: func(context.Context, *remediations.Run, remediations.Resource) (*remediations.Finding, error) {
				return nil, nil
			},
		}
		if acts {
			m.Risk = "something may break"
			m.Writes = []remediations.Permission{
				{Action: "sns:Publish", Resource: "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*", Why: "nobody knows the topic"},
			}
			m.UndoWrites = []remediations.Permission{
				{Action: "s3:PutBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"},
			}
			m.Action = func(context.Context, *remediations.Run, *remediations.Finding) error { return nil }
			m.Undo = m.Action
		}
		return m
	}
	alpha, beta := module("alpha-acts", true), module("beta-acts", true)
	alpha.Settings = HouseSettings{TrustedAccounts: []remediations.AccountID{"111122223333"}, Doors: 1}
	alpha.Schedule = "rate(6 hours)"
	alpha.Sweep = func(context.Context, *remediations.Run) iter.Seq2[remediations.Resource, error] { return nil }
	alpha.Policies = []remediations.ManagedPolicy{{
		Name: "countermand-alpha", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`, Why: "it denies all",
	}}
	alpha.Writes = append(alpha.Writes, remediations.Permission{
		Action: "iam:AttachUserPolicy", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*",
		Only: remediations.Condition{Key: "iam:PolicyARN", Value: "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/countermand-alpha"},
	})
	// Each of these is something that a template's resolution may drop.
	beta.Pattern = `{"source":["aws.s3"],"detail":{"a":["null"],"b":[""],"c":[{"exists":false}],"d":[{"numeric":[">",0,"<=",5.5]}],"e":["007",7,true],"$or":[{"f":["x"]},{"g":["y"]}]}}`
	return []*remediations.Module{alpha, beta, module("gamma-alerts", false), module("delta-off", true)}
}

// HouseSettings has a setting of each kind.
type HouseSettings struct {
	TrustedAccounts []remediations.AccountID `json:"trustedAccounts" doc:"accounts that may come in"`
	Doors           int                      `json:"doors" doc:"how many doors there are"`
	Shut            bool                     `json:"shut" doc:"whether they are shut"`
	Owner           string                   `json:"owner" doc:"whose house it is"`
}

// Check refuses a house that nobody can enter.
func (s HouseSettings) Check() error {
	if s.Doors == 0 {
		return errors.New("a house needs a door")
	}
	return nil
}
