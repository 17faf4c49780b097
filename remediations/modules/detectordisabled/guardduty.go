package detectordisabled

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

const (
	detectorType = "AWS::GuardDuty::Detector"

	leftAdministrator = "DisassociateFromAdministratorAccount"
	leftMaster        = "DisassociateFromMasterAccount" // the same, before it was renamed
	stoppedMembers    = "StopMonitoringMembers"
)

// The forms of what becomes part of calls and of commands that people copy.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetDetector.html
var (
	detectorID = regexp.MustCompile(`^[A-Za-z0-9]{1,300}$`)
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
)

func detectorOf(r events.Record) (string, error) {
	id := r.Request.Get("detectorId").Text()
	if !detectorID.MatchString(id) {
		return "", fmt.Errorf("the record of %s names no detector, but %q", r.EventName, id)
	}
	return id, nil
}

// listDetectors is the ids of the Region's detectors, of which there is one at most.
func listDetectors(ctx context.Context, cfg aws.Config) ([]string, error) {
	var ids []string
	pages := guardduty.NewListDetectorsPaginator(guardduty.NewFromConfig(cfg), &guardduty.ListDetectorsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err == nil && page.DetectorIds == nil { // GuardDuty's is empty if there are none
			err = errNoList
		}
		if err != nil {
			return nil, fmt.Errorf("list detectors: %w", err)
		}
		ids = append(ids, page.DetectorIds...)
	}
	return ids, nil
}

// detecting is whether a detector is on, and whether there is one. GuardDuty refuses to tell of one that does not exist
// as it refuses a bad request: which it is, the list says.
func detecting(ctx context.Context, cfg aws.Config, id string) (on, exists bool, err error) {
	_, on, exists, err = detector(ctx, cfg, id)
	return on, exists, err
}

// detector is the ids of those that there are, and about the one whether it is on and exists.
func detector(ctx context.Context, cfg aws.Config, id string) (ids []string, on, exists bool, err error) {
	var (
		out     *guardduty.GetDetectorOutput
		refused error
	)
	err = remediations.InParallel(
		func() (err error) { ids, err = listDetectors(ctx, cfg); return err },
		func() (err error) {
			out, err = guardduty.NewFromConfig(cfg).GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: &id})
			if code := remediations.ErrorCode(err); code == "BadRequestException" || code == "ResourceNotFoundException" {
				refused = fmt.Errorf("get detector %s: %w", id, err)
				return nil
			}
			if err != nil {
				return fmt.Errorf("get detector %s: %w", id, err)
			}
			return nil
		},
	)
	switch {
	case err != nil:
		return nil, false, false, err
	case !slices.Contains(ids, id):
		return ids, false, false, nil
	case refused != nil:
		return nil, false, false, refused
	}
	switch out.Status {
	case types.DetectorStatusEnabled, types.DetectorStatusDisabled:
		return ids, out.Status == types.DetectorStatusEnabled, true, nil
	}
	return nil, false, false, fmt.Errorf("get detector %s: the answer has the status %q", id, out.Status)
}

func judgeDetector(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	if !detectorID.MatchString(r.ID) {
		return nil, fmt.Errorf("%q is not the id of a detector", r.ID)
	}
	ids, on, exists, err := detector(ctx, run.AWS, r.ID)
	switch {
	case err != nil:
		return nil, err
	case !exists && len(ids) > 0:
		return judgeNext(ctx, run.AWS, r, ids[0])
	case !exists:
		return alert(r, "GuardDuty's detector does not exist any more: nothing is watched in this Region, and its findings are lost",
			"# A new detector has a new id, and none of the protection plans, filters and lists of the old one:\n"+
				"aws guardduty create-detector --region "+remediations.Quote(r.Region)+" --enable"), nil
	case on && asked(run, stoppedMembers):
		return unwatched(ctx, run, r)
	case on && !asked(run, leftAdministrator, leftMaster):
		return nil, nil
	}
	administrator, err := administratorOf(ctx, run.AWS, r.ID)
	switch {
	case err != nil:
		return nil, err
	case on && administrator != "":
		return nil, nil
	case on:
		return alert(r, "GuardDuty's detector has left its administrator, who does not see its findings any more", strings.Join([]string{
			"# With the administrator's credentials, its detector as ADMIN_DETECTOR and the address of this account as EMAIL:",
			"aws guardduty create-members --region " + remediations.Quote(r.Region) + " --detector-id ADMIN_DETECTOR --account-details AccountId=" +
				remediations.Quote(r.Account) + ",Email=EMAIL",
		}, "\n")), nil
	case administrator != "":
		return alert(r, "GuardDuty's detector is suspended; account "+administrator+" administers it, and has to start it", strings.Join([]string{
			"# With the credentials of account " + administrator + ", its detector as ADMIN_DETECTOR:",
			"aws guardduty start-monitoring-members --region " + remediations.Quote(r.Region) + " --detector-id ADMIN_DETECTOR --account-ids " + remediations.Quote(r.Account),
		}, "\n")), nil
	}
	update := "aws guardduty update-detector --region " + remediations.Quote(r.Region) + " --detector-id " + remediations.Quote(r.ID)
	return off(r, "GuardDuty's detector is suspended: nothing is watched in this Region", update+" --enable", update+" --no-enable")
}

// judgeNext looks at the detector that has taken the place of one that was deleted. That it was made so is no call that
// is watched.
func judgeNext(ctx context.Context, cfg aws.Config, r remediations.Resource, next string) (*remediations.Finding, error) {
	on, exists, err := detecting(ctx, cfg, next)
	switch {
	case err != nil:
		return nil, err
	case !exists:
		return nil, fmt.Errorf("get detector %s: it was listed, and is gone", next)
	case on:
		return nil, nil
	}
	return alert(r, "GuardDuty's detector does not exist any more, and the one in its place is suspended: nothing is watched in this Region",
		"aws guardduty update-detector --region "+remediations.Quote(r.Region)+" --detector-id "+remediations.Quote(next)+" --enable"), nil
}

// administratorOf is the account that administers the detector; "" if none does, or does so no more.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetAdministratorAccount.html
func administratorOf(ctx context.Context, cfg aws.Config, id string) (string, error) {
	out, err := guardduty.NewFromConfig(cfg).GetAdministratorAccount(ctx, &guardduty.GetAdministratorAccountInput{DetectorId: &id})
	if err != nil {
		return "", fmt.Errorf("get the administrator of detector %s: %w", id, err)
	}
	if out.Administrator == nil || aws.ToString(out.Administrator.AccountId) == "" {
		return "", nil
	}
	switch account, status := *out.Administrator.AccountId, aws.ToString(out.Administrator.RelationshipStatus); {
	case !accountID.MatchString(account):
		return "", fmt.Errorf("get the administrator of detector %s: the answer is %q", id, account)
	case status == "Resigned" || status == "Removed":
		return "", nil
	default:
		return account, nil
	}
}

// unwatched is the finding about those of the call's members that GuardDuty does not watch any more.
func unwatched(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	var accounts []string
	for _, p := range run.Event.Record.Request.Get("accountIds").List() {
		if !accountID.MatchString(p.Text()) {
			return nil, fmt.Errorf("the record of %s names no account, but %q", stoppedMembers, p.Text())
		}
		accounts = append(accounts, p.Text())
	}
	if len(accounts) == 0 {
		return nil, fmt.Errorf("the record of %s names no account", stoppedMembers)
	}
	out, err := guardduty.NewFromConfig(run.AWS).GetMembers(ctx, &guardduty.GetMembersInput{DetectorId: &r.ID, AccountIds: accounts})
	if err == nil && out.Members == nil {
		err = errNoList
	}
	if err != nil {
		return nil, fmt.Errorf("get members of detector %s: %w", r.ID, err)
	}
	accounts = slices.DeleteFunc(accounts, func(account string) bool {
		return slices.ContainsFunc(out.Members, func(m types.Member) bool {
			return aws.ToString(m.AccountId) == account && aws.ToString(m.RelationshipStatus) == "Enabled"
		})
	})
	if len(accounts) == 0 {
		return nil, nil
	}
	return alert(r, "GuardDuty does not watch these member accounts any more: "+strings.Join(accounts, ", "),
		"aws guardduty start-monitoring-members --region "+remediations.Quote(r.Region)+" --detector-id "+remediations.Quote(r.ID)+
			" --account-ids "+strings.Join(accounts, " ")), nil
}

func turnDetector(ctx context.Context, cfg aws.Config, id string, on bool) error {
	_, err := guardduty.NewFromConfig(cfg).UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: &id, Enable: &on})
	if err != nil {
		return fmt.Errorf("update detector %s: %w", id, err)
	}
	return nil
}
