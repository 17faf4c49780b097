package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

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
		"no answer of AWS's": {&resourcegroupstaggingapi.GetResourcesOutput{}, nil, 0, "unexpected response: no list"},
		"another's":          {&resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: mapping("arn:aws:s3:::back")}, nil, 0, `unexpected response: it is about "arn:aws:s3:::back"`},
		"more pages":         {&resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: []types.ResourceTagMapping{}, PaginationToken: aws.String("x")}, nil, 0, "unexpected response: it is incomplete"},
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

// The tagging API does not cover IAM's users and roles: a missed tag would read as "not exempt".
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
			{nil, false, nil, 0, "unexpected response: no list"},
			{one, true, nil, 0, "unexpected response: it is incomplete"},
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

// A snapshot's tags are found under either form of its ARN, and an error for one of them is not "no tags".
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

func TestTagsCallsOnlyItsAction(t *testing.T) {
	count := 0
	fence := engine.NewFence(&remediations.Module{})
	if _, err := engine.NewTagReader(fence.Config(reached(&count), "eu-west-1"))(t.Context(), "eu-west-1", "arn:aws:s3:::ledger"); err == nil {
		t.Error("a refused call is not an error")
	}
	if calls := fence.Calls(); len(calls) != 1 || calls[0].Action != remediations.TagPermissions[0].Action {
		t.Errorf("calls %+v, want %s", calls, remediations.TagPermissions[0].Action)
	}
}

// tagging answers GetResources, and notes the ARNs and Regions that it was asked for.
func tagging(out *resourcegroupstaggingapi.GetResourcesOutput, err error, asked *[]string) aws.Config {
	return aws.Config{Region: "nowhere-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer", func(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			request := in.Parameters.(*resourcegroupstaggingapi.GetResourcesInput)
			*asked = append(append(*asked, awsmiddleware.GetRegion(ctx)), request.ResourceARNList...)
			return middleware.InitializeOutput{Result: out}, middleware.Metadata{}, err
		}), middleware.After)
	}}}
}

// answered returns a configuration whose calls are answered by their typed inputs.
func answered(answer func(in any) (any, error)) aws.Config {
	return aws.Config{APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer", func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
			out.Result, err = answer(in.Parameters)
			return out, middleware.Metadata{}, err
		}), middleware.After)
	}}}
}
