package iamadmingrant

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/remediations"
)

// versionsOf is the versions of a managed policy: the one in effect, and then the others, the newest first. nil if there
// is no such policy. IAM keeps five.
func versionsOf(ctx context.Context, client *iam.Client, arn string) ([]types.PolicyVersion, error) {
	var versions []types.PolicyVersion
	pages := iam.NewListPolicyVersionsPaginator(client, &iam.ListPolicyVersionsInput{PolicyArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		switch {
		case remediations.ErrorCode(err) == noSuchEntity:
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("list versions of policy %s: %w", arn, err)
		}
		versions = append(versions, page.Versions...)
	}
	for _, v := range versions {
		if !versionForm.MatchString(aws.ToString(v.VersionId)) {
			return nil, fmt.Errorf("list versions of policy %s: %q is none", arn, aws.ToString(v.VersionId))
		}
	}
	slices.SortFunc(versions, func(a, b types.PolicyVersion) int {
		if a.IsDefaultVersion != b.IsDefaultVersion {
			return map[bool]int{true: -1, false: 1}[a.IsDefaultVersion]
		}
		return cmp.Compare(number(b), number(a))
	})
	if len(versions) == 0 || !versions[0].IsDefaultVersion {
		return nil, fmt.Errorf("list versions of policy %s: none is in effect", arn)
	}
	return versions, nil
}

// number is a version's: they are counted from v1 on, and none is used again.
func number(v types.PolicyVersion) int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(aws.ToString(v.VersionId), "v"), ".")
	n, _ := strconv.Atoi(digits) // versionForm has seen it
	return n
}

// holders is who has a managed policy, in words: those who may be administrators and those who may not.
type holders struct{ allowed, others []string }

func holdersOf(ctx context.Context, client *iam.Client, settings Settings, r remediations.Resource) (holders, error) {
	var h holders
	add := func(kind string, name *string) {
		who := kind + " " + aws.ToString(name)
		if settings.mayBe(r, kind, aws.ToString(name)) {
			h.allowed = append(h.allowed, who)
		} else {
			h.others = append(h.others, who)
		}
	}
	pages := iam.NewListEntitiesForPolicyPaginator(client, &iam.ListEntitiesForPolicyInput{
		PolicyArn: &r.ID, PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		switch {
		case remediations.ErrorCode(err) == noSuchEntity:
			return holders{}, nil
		case err != nil:
			return holders{}, fmt.Errorf("list who has policy %s: %w", r.ID, err)
		}
		for _, u := range page.PolicyUsers {
			add(aUser.word, u.UserName)
		}
		for _, role := range page.PolicyRoles {
			add(aRole.word, role.RoleName)
		}
		for _, g := range page.PolicyGroups {
			add(aGroup.word, g.GroupName)
		}
	}
	return h, nil
}

// guardPolicy judges the version of a managed policy that is in effect, if it is the one that the event made so; "" is
// any.
func guardPolicy(ctx context.Context, client *iam.Client, settings Settings, r remediations.Resource, made string) (*remediations.Finding, error) {
	var (
		versions []types.PolicyVersion
		have     holders
	)
	err := remediations.InParallel(
		func() (err error) { versions, err = versionsOf(ctx, client, r.ID); return err },
		func() (err error) { have, err = holdersOf(ctx, client, settings, r); return err },
	)
	if err != nil || versions == nil || len(have.others) == 0 {
		return nil, err
	}
	present := aws.ToString(versions[0].VersionId)
	if made != "" && made != present {
		return nil, nil
	}
	gives, err := judgeVersion(ctx, client, r, present)
	if err != nil || gives.rights == none {
		return nil, err
	}
	reason := fmt.Sprintf("%s; the policy is attached to %s", gives, few(have.others))
	if len(have.allowed) > 0 {
		return untouched(r, present, reason+"; also to "+few(have.allowed)+", who may be administrators, and would lose that with another version")
	}
	harmless, err := newestHarmless(ctx, client, r, versions[1:])
	if err != nil {
		return nil, err
	}
	if harmless == "" {
		return untouched(r, present, reason+"; it has no other version that allows less")
	}
	before, after := state{Version: present}, state{Version: harmless}
	finding, err := remediations.Found(r, reason, before, after)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = giveCommand(r, after), giveCommand(r, before)
	return finding, nil
}

// untouched is the finding about a policy that people have to change.
func untouched(r remediations.Resource, version, reason string) (*remediations.Finding, error) {
	finding, err := remediations.Found(r, reason, state{Version: version}, state{Version: version})
	if err != nil {
		return nil, err
	}
	finding.AlertOnly = true
	return finding, nil
}

func judgeVersion(ctx context.Context, client *iam.Client, r remediations.Resource, version string) (powers, error) {
	text, err := readVersion(ctx, client, r.ID, version)
	if err != nil {
		return powers{}, err
	}
	return judgeDocument(r, text, "version "+version+" of the policy, which is in effect,")
}

// newestHarmless is the first of some versions that is none of an administrator; "" if all are.
func newestHarmless(ctx context.Context, client *iam.Client, r remediations.Resource, versions []types.PolicyVersion) (string, error) {
	gives := make([]powers, len(versions))
	var calls []func() error
	for i, v := range versions {
		calls = append(calls, func() (err error) {
			gives[i], err = judgeVersion(ctx, client, r, aws.ToString(v.VersionId))
			return err
		})
	}
	if err := remediations.InParallel(calls...); err != nil {
		return "", err
	}
	for i, p := range gives {
		if p.rights == none {
			return aws.ToString(versions[i].VersionId), nil
		}
	}
	return "", nil
}

// few names the first of a list.
func few(list []string) string {
	const most = 3
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), more)
	}
	return strings.Join(list, ", ")
}
