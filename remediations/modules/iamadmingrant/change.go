package iamadmingrant

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// take takes away what was given.
func take(ctx context.Context, client *iam.Client, r remediations.Resource, given state) error {
	var err error
	switch k := kinds[r.Type]; {
	case given.Attached != "":
		err = k.detach(ctx, client, r.ID, given.Attached)
	case given.Inline != "":
		err = k.remove(ctx, client, r.ID, given.Inline)
	default:
		_, err = client.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{UserName: &r.ID, GroupName: &given.Group})
	}
	if err != nil {
		return fmt.Errorf("take from %s what was given: %w", r, err)
	}
	return nil
}

// give gives it back.
func give(ctx context.Context, client *iam.Client, r remediations.Resource, given state) error {
	var err error
	switch k := kinds[r.Type]; {
	case given.Attached != "":
		err = k.attach(ctx, client, r.ID, given.Attached)
	case given.Inline != "":
		err = k.put(ctx, client, r.ID, given.Inline, given.Document)
	default:
		_, err = client.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: &r.ID, GroupName: &given.Group})
	}
	if err != nil {
		return fmt.Errorf("give %s back what was taken: %w", r, err)
	}
	return nil
}

func setVersion(ctx context.Context, client *iam.Client, arn, version string) error {
	if _, err := client.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: &version}); err != nil {
		return fmt.Errorf("set version %s of policy %s: %w", version, arn, err)
	}
	return nil
}

// takeCommand is the AWS CLI command that takes away what was given. IAM has one endpoint in a partition: no Region is
// named.
func takeCommand(r remediations.Resource, given state) string {
	k := kinds[r.Type]
	switch {
	case given.Attached != "":
		return command(r, "detach-"+k.word+"-policy", "--policy-arn", given.Attached)
	case given.Inline != "":
		return command(r, "delete-"+k.word+"-policy", "--policy-name", given.Inline)
	}
	return command(r, "remove-user-from-group", "--group-name", given.Group)
}

// giveCommand is the one that gives it back, or that brings a version into effect.
func giveCommand(r remediations.Resource, given state) string {
	k := kinds[r.Type]
	switch {
	case given.Version != "":
		return fmt.Sprintf("aws iam set-default-policy-version --policy-arn %s --version-id %s", remediations.Quote(r.ID), remediations.Quote(given.Version))
	case given.Attached != "":
		return command(r, "attach-"+k.word+"-policy", "--policy-arn", given.Attached)
	case given.Inline != "":
		return command(r, "put-"+k.word+"-policy", "--policy-name", given.Inline) +
			" --policy-document " + remediations.Quote(policy.OneLine(given.Document))
	}
	return command(r, "add-user-to-group", "--group-name", given.Group)
}

func command(r remediations.Resource, subcommand, flag, value string) string {
	return fmt.Sprintf("aws iam %s --%s-name %s %s %s", subcommand, kinds[r.Type].word, remediations.Quote(r.ID), flag, remediations.Quote(value))
}
