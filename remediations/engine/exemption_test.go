package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

const frontARN = "arn:aws:s3:::front"

// exempted is a house whose doors have an ARN, under exemptions, and the tags of the front door. asked counts
// the look-ups.
func exempted(mode remediations.Mode, tags map[string]string, asked *int, exemptions ...remediations.Exemption) *house {
	h := newHouse(mode)
	h.door.typ = "AWS::S3::Bucket"
	for _, x := range exemptions {
		x.Module, x.Owner, x.Reason = "door-open", "porters", "deliveries"
		if x.Expires.IsZero() {
			x.Expires = h.now.AddDate(0, 3, 0)
		}
		h.Exemptions = append(h.Exemptions, x)
	}
	h.Tags = func(_ context.Context, region, arn string) (map[string]string, error) {
		*asked++
		if region != "eu-west-1" || arn != frontARN {
			return nil, errors.New("there is no " + arn + " in " + region)
		}
		return tags, nil
	}
	return h
}

func TestExemptions(t *testing.T) {
	const bob, eve = "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:user/eve"
	type x = remediations.Exemption
	soon := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		exemptions []x
		want       engine.Outcome
		matched    string // by the record
		asked      int
	}{
		{"by its ARN", []x{{Resource: "arn:aws:s3:::fr*"}}, engine.Exempt, "resource arn:aws:s3:::fr*", 0},
		{"by another's ARN", []x{{Resource: "arn:aws:s3:::fro"}}, engine.Remediated, "", 0},
		{"by its account", []x{{Account: "111122223333"}}, engine.Exempt, "account 111122223333", 0},
		{"by another account", []x{{Account: "444455556666"}}, engine.Remediated, "", 0},
		{"by who made the call", []x{{Principal: bob}}, engine.Exempt, "principal " + bob, 0},
		{"by who did not make the call", []x{{Principal: eve}}, engine.Remediated, "", 0},
		{"by its tag", []x{{Tag: "public=approved"}}, engine.Exempt, "tag public=approved", 1},
		{"by another value of its tag", []x{{Tag: "public=approve"}}, engine.Remediated, "", 1},
		{"by a tag that it has not", []x{{Tag: "private="}}, engine.Remediated, "", 1},
		{"by everything", []x{{Resource: "front", Account: "111122223333", Principal: bob, Tag: "public=approved"}}, engine.Exempt,
			"resource front, account 111122223333, principal " + bob + ", tag public=approved", 1},
		{"by everything but who made the call", []x{{Resource: "front", Account: "111122223333", Principal: eve, Tag: "public=approved"}}, engine.Remediated, "", 0},
		{"by everything but its tag", []x{{Resource: "front", Account: "111122223333", Principal: bob, Tag: "public=no"}}, engine.Remediated, "", 1},
		{"no look-up without need", []x{{Tag: "public=approved"}, {Resource: "front"}}, engine.Exempt, "resource front", 0},
		{"one look-up for all", []x{{Tag: "a=b"}, {Tag: "public=approved"}}, engine.Exempt, "tag public=approved", 1},
		{"of those that cover it the last to end", []x{{Account: "111122223333", Expires: soon}, {Resource: "front"}, {Principal: bob, Expires: soon}}, engine.Exempt, "resource front", 0},
		{"no look-up for one that is over", []x{{Tag: "public=approved", Expires: soon.AddDate(0, 0, -1)}}, engine.Remediated, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			h := exempted(remediations.Enforce, map[string]string{"public": "approved"}, &asked, c.exemptions...)
			r, err := h.deliver(t, opened())
			if err != nil || r.Outcome != c.want || h.door.open != (c.want == engine.Exempt) {
				t.Errorf("outcome %s (%v), open %t, want %s", r.Outcome, err, h.door.open, c.want)
			}
			if asked != c.asked {
				t.Errorf("tags were looked up %d times, want %d", asked, c.asked)
			}
			kept := h.kept(t, r.ID)
			if (kept.Exemption != nil) != (c.matched != "") {
				t.Fatalf("the record's exemption is %+v", kept.Exemption)
			}
			if x := kept.Exemption; x != nil {
				want := engine.Exemption{Owner: "porters", Reason: "deliveries", Expires: h.now.AddDate(0, 3, 0), Until: "until 2026-06-01, 92 days left", Matched: c.matched}
				if *x != want {
					t.Errorf("the record's exemption is %+v, want %+v", *x, want)
				}
			}
		})
	}
}

// What can't be told is not "not exempt": nothing is done, and the run fails, so that it is tried again and
// rings an alarm.
func TestUnclearExemption(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
	const noARN = "the ARN of AWS::House::Door front is not known"
	silent := errors.New("nobody answers")
	for name, c := range map[string]struct {
		exemption remediations.Exemption
		typ       string // of the door
		lookUp    error
		want      string
		alerts    int
	}{
		"the look-up fails":   {remediations.Exemption{Tag: "public=approved"}, "AWS::S3::Bucket", silent, "exemption of tag public=approved: nobody answers", 0},
		"IAM refuses the tag": {remediations.Exemption{Tag: "public=approved"}, "AWS::S3::Bucket", denied, "AccessDenied", 1},
		"no ARN for its tag":  {remediations.Exemption{Tag: "public=approved"}, "", silent, noARN, 0},
		"no ARN to compare":   {remediations.Exemption{Resource: "arn:aws:s3:::back"}, "", silent, noARN, 0},
		"no ARN of an owner":  {remediations.Exemption{Account: "444455556666"}, "", silent, noARN, 0},
	} {
		for _, mode := range []remediations.Mode{remediations.Alert, remediations.Enforce} {
			asked := 0
			h := exempted(mode, map[string]string{"public": "approved"}, &asked, c.exemption)
			working := h.Tags
			h.Tags = func(context.Context, string, string) (map[string]string, error) { return nil, c.lookUp }
			h.door.typ = c.typ
			r, err := h.deliver(t, opened())
			if err == nil || !strings.Contains(err.Error(), c.want) || r.Outcome != engine.Failed {
				t.Errorf("%s, %s: outcome %s, error %v, want Failed, %q", name, mode, r.Outcome, err, c.want)
			}
			if !h.door.open || h.door.shuts != 0 {
				t.Errorf("%s, %s: it was acted upon", name, mode)
			}
			kept := h.kept(t, r.ID)
			if kept.Outcome != engine.Failed || kept.Reason != "the door is open" || kept.Touched {
				t.Errorf("%s, %s: record %+v", name, mode, kept)
			}
			if len(h.alerts) != c.alerts {
				t.Errorf("%s, %s: %d alerts, want %d", name, mode, len(h.alerts), c.alerts)
			}
			if h.door.typ == "" {
				continue // it stays a door without an ARN
			}
			h.Tags = working
			if again, err := h.deliver(t, opened()); err != nil || again.Attempt != 2 || again.Outcome == engine.Failed || again.Outcome == engine.Duplicate {
				t.Errorf("%s, %s: the next try ended as %s, attempt %d (%v)", name, mode, again.Outcome, again.Attempt, err)
			}
		}
	}
}

// An attempt that could not tell whether it is exempt has changed nothing: the state that undo must put back is
// what the attempt before it saw.
func TestStateBeforeTheFirstTouchIsKeptWhileTagsFail(t *testing.T) {
	asked := 0
	h := exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Tag: "public=approved"})
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome != engine.Started {
			return errors.New("killed")
		}
		return nil
	}
	_, _ = h.deliver(t, opened())
	h.store.failPut = nil
	h.Tags = func(context.Context, string, string) (map[string]string, error) {
		return nil, errors.New("nobody answers")
	}
	h.door.open, h.door.state = true, " and broken"
	h.now = h.now.Add(time.Minute)
	failed, err := h.deliver(t, opened())
	if err == nil || failed.Outcome != engine.Failed {
		t.Fatalf("outcome %s (%v), want Failed", failed.Outcome, err)
	}
	if kept := h.kept(t, failed.ID); string(kept.Before) != `{"door":"open","lamp":"on"}` || !kept.Touched {
		t.Errorf("before %s, touched %t", kept.Before, kept.Touched)
	}
}

// A tag may be set between two attempts. That the first one acted is not kept from people.
func TestExemptAfterAnAction(t *testing.T) {
	asked := 0
	tags := map[string]string{}
	h := exempted(remediations.Enforce, tags, &asked, remediations.Exemption{Tag: "public=approved"})
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome != engine.Started {
			return errors.New("killed")
		}
		return nil
	}
	_, _ = h.deliver(t, opened())
	h.store.failPut = nil
	h.door.open, tags["public"] = true, "approved"
	h.now = h.now.Add(time.Minute)
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Exempt || !r.Touched || !h.door.open {
		t.Fatalf("outcome %s (%v), touched %t, open %t", r.Outcome, err, r.Touched, h.door.open)
	}
	if len(h.alerts) != 1 || !strings.Contains(h.alerts[0].Body, "Countermand acted before, and IT IS WRONG AGAIN") || !strings.Contains(h.alerts[0].Body, "TAKE IT BACK") {
		t.Errorf("alerts %v", h.alerts)
	}
}

func TestExemptionThatEndsSoon(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name   string
		mode   remediations.Mode
		left   time.Duration
		until  string
		ending bool
		alerts int
		event  string
	}{
		{"in good time", remediations.Enforce, 14*day + time.Second, "until 2026-03-15, 15 days left", false, 0, opened()},
		{"two weeks", remediations.Enforce, 14 * day, "until 2026-03-15, 14 days left", true, 1, opened()},
		{"nine days, below enforce", remediations.Alert, 8*day + time.Hour, "until 2026-03-09, 9 days left", true, 1, opened()},
		{"observed", remediations.Observe, 8*day + time.Hour, "until 2026-03-09, 9 days left", true, 0, opened()},
		{"replayed", remediations.Enforce, 8*day + time.Hour, "until 2026-03-09, 9 days left", true, 0, opened(`"version": "0"`, `"version": "0", "replay-name": "march"`)},
		{"the last second", remediations.Enforce, time.Second, "until 2026-03-01, 1 day left", true, 1, opened()},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			h := exempted(c.mode, nil, &asked, remediations.Exemption{Resource: "front"})
			h.Exemptions[0].Expires = h.now.Add(c.left)
			r, err := h.deliver(t, c.event)
			if err != nil || r.Outcome != engine.Exempt || !h.door.open {
				t.Fatalf("outcome %s (%v)", r.Outcome, err)
			}
			if r.Exemption.Until != c.until || r.Exemption.Ending != c.ending {
				t.Errorf("the record says %q, ending %t, want %q, %t", r.Exemption.Until, r.Exemption.Ending, c.until, c.ending)
			}
			if got := strings.Contains(h.log.String(), `"ExemptionExpiring":1`) && strings.Contains(h.log.String(), `{"Name":"ExemptionExpiring","Unit":"Count"}`); got != c.ending {
				t.Errorf("metric: %t, want %t: %s", got, c.ending, h.log.String())
			}
			if len(h.alerts) != c.alerts || c.alerts > 0 && !strings.Contains(h.alerts[0].Body, c.until) {
				t.Errorf("alerts %v, want %d that say %q", h.alerts, c.alerts, c.until)
			}
			if second, err := h.deliver(t, c.event); err != nil || second.Outcome != engine.Duplicate || len(h.alerts) != c.alerts {
				t.Errorf("delivered again: %s (%v), %d alerts", second.Outcome, err, len(h.alerts))
			}
		})
	}
}

func TestNewRefusesExemptionsThatAreTooBroad(t *testing.T) {
	asked := 0
	for want, h := range map[string]*house{
		"needs a resource":           exempted(remediations.Enforce, nil, &asked, remediations.Exemption{}),
		"matches no resource":        exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Resource: "arn:aws:s3:::a/*"}),
		"tags can't be looked up":    exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Tag: "a=b"}),
		"a role of any name can be":  exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Principal: "arn:aws:iam::*:role/Porter"}),
		"want key=value exactly":     exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Tag: "public=*"}),
		"needs more than the resour": exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Resource: "arn:aws:s3:::*"}),
	} {
		if want == "tags can't be looked up" {
			h.Tags = nil
		}
		if _, err := engine.New(h.Config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// tagging answers GetResources, and notes what it was asked for and where.
func tagging(out *resourcegroupstaggingapi.GetResourcesOutput, err error, asked *[]string) aws.Config {
	return aws.Config{Region: "nowhere-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer", func(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			request := in.Parameters.(*resourcegroupstaggingapi.GetResourcesInput)
			*asked = append(append(*asked, awsmiddleware.GetRegion(ctx)), request.ResourceARNList...)
			return middleware.InitializeOutput{Result: out}, middleware.Metadata{}, err
		}), middleware.After)
	}}}
}

func TestTags(t *testing.T) {
	mapping := func(arn string) []types.ResourceTagMapping {
		return []types.ResourceTagMapping{{ResourceARN: &arn, Tags: []types.Tag{{Key: aws.String("public"), Value: aws.String("approved")}, {Key: aws.String("a"), Value: aws.String("")}}}}
	}
	for name, c := range map[string]struct {
		out  *resourcegroupstaggingapi.GetResourcesOutput
		err  error
		want int    // tags
		fail string // part of the error
	}{
		"tags":               {&resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: mapping(frontARN)}, nil, 2, ""},
		"none":               {&resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: []types.ResourceTagMapping{}, PaginationToken: aws.String("")}, nil, 0, ""},
		"no answer of AWS's": {&resourcegroupstaggingapi.GetResourcesOutput{}, nil, 0, "the answer holds no list"},
		"another's":          {&resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: mapping("arn:aws:s3:::back")}, nil, 0, `the answer is about "arn:aws:s3:::back"`},
		"more pages":         {&resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: []types.ResourceTagMapping{}, PaginationToken: aws.String("x")}, nil, 0, "the answer is not complete"},
		"an error":           {nil, &smithy.GenericAPIError{Code: "ThrottledException"}, 0, "get tags of " + frontARN},
	} {
		var asked []string
		got, err := engine.NewTagReader(tagging(c.out, c.err, &asked))(t.Context(), "eu-west-1", frontARN)
		if len(got) != c.want || (err != nil) != (c.fail != "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%s: %v, %v, want %d tags, error %q", name, got, err, c.want, c.fail)
		}
		if c.want > 0 && (got["public"] != "approved" || got["a"] != "") {
			t.Errorf("%s: tags %v", name, got)
		}
		if c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s: error %v does not wrap AWS's", name, err)
		}
		if strings.Join(asked, " ") != "eu-west-1 "+frontARN {
			t.Errorf("%s: asked for %v", name, asked)
		}
	}
}

// The tagging API does not know IAM's users and roles: a tag that is not found would read as "not exempt".
func TestTagsOfIAM(t *testing.T) {
	one := []iamtypes.Tag{{Key: aws.String("public"), Value: aws.String("approved")}}
	answers := func(list []iamtypes.Tag, more bool, err error) func(in any) (any, error) {
		return func(in any) (any, error) {
			switch in := in.(type) {
			case *iam.ListUserTagsInput:
				if *in.UserName == "bob" {
					return &iam.ListUserTagsOutput{Tags: list, IsTruncated: more}, err
				}
			case *iam.ListRoleTagsInput:
				if *in.RoleName == "Deployer" {
					return &iam.ListRoleTagsOutput{Tags: list, IsTruncated: more}, err
				}
			case *iam.ListPolicyTagsInput:
				if *in.PolicyArn == "arn:aws:iam::111122223333:policy/team/Deploy" {
					return &iam.ListPolicyTagsOutput{Tags: list, IsTruncated: more}, err
				}
			}
			return nil, fmt.Errorf("asked for %T", in)
		}
	}
	for _, name := range []string{"user/bob", "user/team/bob", "role/Deployer", "policy/team/Deploy"} {
		for _, c := range []struct {
			list []iamtypes.Tag
			more bool
			err  error
			want int
			fail string
		}{
			{one, false, nil, 1, ""},
			{[]iamtypes.Tag{}, false, nil, 0, ""},
			{nil, false, nil, 0, "the answer holds no list"},
			{one, true, nil, 0, "the answer is not complete"},
			{nil, false, &smithy.GenericAPIError{Code: "NoSuchEntity"}, 0, ""},
			{nil, false, &smithy.GenericAPIError{Code: "AccessDenied"}, 0, "get tags of arn:aws:iam::111122223333:"},
		} {
			got, err := engine.NewTagReader(answered(answers(c.list, c.more, c.err)))(t.Context(), "us-east-1", "arn:aws:iam::111122223333:"+name)
			if len(got) != c.want || (err != nil) != (c.fail != "") || err != nil && !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%s: %v, %v, want %d tags, error %q", name, got, err, c.want, c.fail)
			}
		}
	}
	for name, fails := range map[string]bool{"root": false, "group/admins": false, "oidc-provider/example.com": true} {
		got, err := engine.NewTagReader(answered(answers(one, false, nil)))(t.Context(), "us-east-1", "arn:aws:iam::111122223333:"+name)
		if len(got) != 0 || (err != nil) != fails {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// answered is one whose calls are answered by their typed inputs.
func answered(answer func(in any) (any, error)) aws.Config {
	return aws.Config{APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer", func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
			out.Result, err = answer(in.Parameters)
			return out, middleware.Metadata{}, err
		}), middleware.After)
	}}}
}

// A snapshot's tags are found by whichever ARN the look-up knows it by, and what one of them can't tell is not "none".
func TestTagsOfAnARNWithoutAccount(t *testing.T) {
	const bare, full = "arn:aws:ec2:eu-west-1::snapshot/front", "arn:aws:ec2:eu-west-1:111122223333:snapshot/front"
	for _, c := range []struct {
		knows   string
		fails   string
		outcome engine.Outcome
	}{{bare, "", engine.Exempt}, {full, "", engine.Exempt}, {"", "", engine.Remediated}, {bare, full, engine.Failed}, {full, bare, engine.Failed}} {
		h := newHouse(remediations.Enforce)
		h.door.typ = "AWS::EC2::Snapshot"
		h.Exemptions = []remediations.Exemption{{Module: remediations.AllModules, Tag: "public=approved", Owner: "web", Reason: "a website", Expires: h.now.AddDate(0, 1, 0)}}
		h.Tags = func(_ context.Context, _, arn string) (map[string]string, error) {
			switch arn {
			case c.fails:
				return nil, errors.New("no answer")
			case c.knows:
				return map[string]string{"public": "approved"}, nil
			case bare, full:
				return nil, nil
			}
			t.Errorf("asked for %s", arn)
			return nil, nil
		}
		if r, err := h.deliver(t, opened()); r.Outcome != c.outcome || (err != nil) != (c.outcome == engine.Failed) {
			t.Errorf("known by %q, failing for %q: %s (%v), want %s", c.knows, c.fails, r.Outcome, err, c.outcome)
		}
	}
}
