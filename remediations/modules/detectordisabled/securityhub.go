package detectordisabled

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

const (
	hubType           = "AWS::SecurityHub::Hub"
	disabledStandards = "BatchDisableStandards"
)

// hubOf is the account's one hub in a Region, which no call names.
func hubOf(events.Record) (string, error) { return "default", nil }

// subscription is what the ARN of a standard that is enabled looks like. It becomes part of words that people read.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StandardsSubscription.html
var subscription = regexp.MustCompile(`^arn:aws[a-z-]*:securityhub:[a-z0-9-]+:[0-9]{12}:subscription/([A-Za-z0-9._/-]+)$`)

func judgeHub(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	var standards []string
	if asked(run, disabledStandards) {
		var err error
		if standards, err = subscriptions(run.Event.Record); err != nil {
			return nil, err
		}
	}
	id, err := r.ARN()
	if err != nil {
		return nil, err
	}
	client := securityhub.NewFromConfig(run.AWS)
	out, err := client.DescribeHub(ctx, &securityhub.DescribeHubInput{HubArn: &id})
	switch code := remediations.ErrorCode(err); {
	case code == "InvalidAccessException" || code == "ResourceNotFoundException": // the account has none
		return alert(r, "Security Hub is off in this Region: nothing is checked, and its findings are deleted after 90 days", strings.Join([]string{
			"aws securityhub enable-security-hub --region " + remediations.Quote(r.Region) + " --no-enable-default-standards",
			"# The standards, controls, members and administrator that it had have to be set up again.",
		}, "\n")), nil
	case err != nil:
		return nil, fmt.Errorf("describe Security Hub: %w", err)
	case aws.ToString(out.HubArn) != id:
		return nil, fmt.Errorf("describe Security Hub: the answer is about %q", aws.ToString(out.HubArn))
	case len(standards) == 0:
		return nil, nil
	}
	enabled, err := enabledStandards(ctx, client)
	if err != nil {
		return nil, err
	}
	standards = slices.DeleteFunc(standards, func(arn string) bool { return slices.Contains(enabled, arn) })
	if len(standards) == 0 {
		return nil, nil
	}
	var names []string
	for _, arn := range standards {
		names = append(names, subscription.FindStringSubmatch(arn)[1])
	}
	return alert(r, "Security Hub does not check these standards any more: "+strings.Join(names, ", "), strings.Join([]string{
		"# STANDARD_ARN is the standard's, as the next command lists it; controls that were switched off have to be again.",
		"aws securityhub describe-standards --region " + remediations.Quote(r.Region),
		"aws securityhub batch-enable-standards --region " + remediations.Quote(r.Region) + " --standards-subscription-requests StandardsArn=STANDARD_ARN",
	}, "\n")), nil
}

// subscriptions is the ARNs of the standards that the call disabled.
func subscriptions(r events.Record) ([]string, error) {
	list := r.Request.Get("StandardsSubscriptionArns").List()
	if len(list) == 0 {
		list = r.Request.Get("standardsSubscriptionArns").List()
	}
	var arns []string
	for _, p := range list {
		if !subscription.MatchString(p.Text()) {
			return nil, fmt.Errorf("the record of %s names no standard, but %q", disabledStandards, p.Text())
		}
		arns = append(arns, p.Text())
	}
	if len(arns) == 0 {
		return nil, fmt.Errorf("the record of %s names no standard", disabledStandards)
	}
	return arns, nil
}

// enabledStandards is the ARNs of the standards that are enabled, or are about to be.
func enabledStandards(ctx context.Context, client *securityhub.Client) ([]string, error) {
	var arns []string
	pages := securityhub.NewGetEnabledStandardsPaginator(client, &securityhub.GetEnabledStandardsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err == nil && page.StandardsSubscriptions == nil { // Security Hub's is empty if there are none
			err = errNoList
		}
		if err != nil {
			return nil, fmt.Errorf("get the enabled standards of Security Hub: %w", err)
		}
		for _, s := range page.StandardsSubscriptions {
			if s.StandardsStatus != types.StandardsStatusDeleting {
				arns = append(arns, aws.ToString(s.StandardsSubscriptionArn))
			}
		}
	}
	return arns, nil
}
