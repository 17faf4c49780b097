package cloudtrailtamper

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// weakness is something wrong with a trail that exists.
type weakness struct {
	reason string // continues "the trail ..."
	fix    string // AWS CLI commands
}

// weaknesses is what is wrong with a trail apart from being stopped. The record is of the call that made it
// suspect: what a trail may do without counts only if that call asked for it.
func weaknesses(r remediations.Resource, trail *types.Trail, selectors *cloudtrail.GetEventSelectorsOutput, record events.Record) []weakness {
	var weak []weakness
	found := func(reason, fix string) { weak = append(weak, weakness{reason, fix}) }
	if !recordsWrites(selectors, aws.ToBool(trail.HasCustomEventSelectors)) {
		found("does not record all management events that write",
			command(r, "get-event-selectors", "--trail-name")+" # what it selects now; the next command replaces all of it\n"+
				command(r, "put-event-selectors", "--trail-name", `--event-selectors '[{"ReadWriteType":"All","IncludeManagementEvents":true}]'`))
	}
	update := func(flag string) string { return command(r, "update-trail", "--name", flag) }
	asked := func(field string) events.Params { return record.Request.Get(field) }
	if asked("isMultiRegionTrail").Text() == "false" && !aws.ToBool(trail.IsMultiRegionTrail) {
		found("records one Region only", update("--is-multi-region-trail"))
	}
	if asked("isOrganizationTrail").Text() == "false" && !aws.ToBool(trail.IsOrganizationTrail) {
		found("leaves out the organisation's member accounts", update("--is-organization-trail"))
	}
	if asked("includeGlobalServiceEvents").Text() == "false" && !aws.ToBool(trail.IncludeGlobalServiceEvents) {
		found("leaves out global services such as IAM", update("--include-global-service-events"))
	}
	if asked("enableLogFileValidation").Text() == "false" && !aws.ToBool(trail.LogFileValidationEnabled) {
		found("does not protect its log files against changes", update("--enable-log-file-validation"))
	}
	if asked("kmsKeyId").Exists() && aws.ToString(trail.KmsKeyId) == "" {
		found("does not encrypt its log files with a KMS key", update("--kms-key-id KEY"))
	}
	key := aws.ToString(trail.KmsKeyId)
	if owner := accountOf(asked("kmsKeyId").Text()); owner != "" && owner == accountOf(key) && owner != accountOf(r.ID) {
		found("was told to encrypt its log files with "+key+", a key of account "+owner, update("--kms-key-id KEY"))
	}
	if group := asked("cloudWatchLogsLogGroupArn"); group.Exists() && group.Text() == "" && aws.ToString(trail.CloudWatchLogsLogGroupArn) == "" {
		found("does not deliver its events to CloudWatch Logs",
			update("--cloud-watch-logs-log-group-arn LOG_GROUP_ARN --cloud-watch-logs-role-arn ROLE_ARN"))
	}
	if bucket := asked("s3BucketName").Text(); bucket != "" && bucket == aws.ToString(trail.S3BucketName) {
		found("was told to put its log files into bucket "+bucket, update("--s3-bucket-name BUCKET"))
	}
	if record.EventName == "PutInsightSelectors" && !aws.ToBool(trail.HasInsightSelectors) {
		found("has its Insights off", command(r, "put-insight-selectors", "--trail-name",
			`--insight-selectors '[{"InsightType":"ApiCallRateInsight"},{"InsightType":"ApiErrorRateInsight"}]'`))
	}
	return weak
}

// accountOf is the account in an ARN, and "" of anything else.
func accountOf(id string) string {
	a, err := arn.Parse(id)
	if err != nil {
		return ""
	}
	return a.AccountID
}

// recordsWrites reports whether a trail records all management events that write. A trail that was never
// given selectors records all management events.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html
func recordsWrites(s *cloudtrail.GetEventSelectorsOutput, custom bool) bool {
	if len(s.EventSelectors)+len(s.AdvancedEventSelectors) == 0 {
		return !custom
	}
	return slices.ContainsFunc(s.EventSelectors, func(s types.EventSelector) bool {
		return aws.ToBool(s.IncludeManagementEvents) && s.ReadWriteType != types.ReadWriteTypeReadOnly &&
			!slices.ContainsFunc(s.ExcludeManagementEventSources, func(source string) bool { return !busy(source) })
	}) || slices.ContainsFunc(s.AdvancedEventSelectors, func(s types.AdvancedEventSelector) bool {
		return selectsWrites(s.FieldSelectors)
	})
}

// selectsWrites reports whether an advanced selector selects all management events that write. Each of its
// field selectors narrows it.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
func selectsWrites(fields []types.AdvancedFieldSelector) bool {
	management := false
	for _, f := range fields {
		others := len(f.StartsWith) + len(f.EndsWith) + len(f.NotStartsWith) + len(f.NotEndsWith)
		switch {
		case others > 0:
			return false
		case aws.ToString(f.Field) == "eventCategory" && slices.Equal(f.Equals, []string{"Management"}) && len(f.NotEquals) == 0:
			management = true
		case aws.ToString(f.Field) == "readOnly" && slices.Equal(f.Equals, []string{"false"}) && len(f.NotEquals) == 0:
		case aws.ToString(f.Field) == "eventSource" && len(f.Equals) == 0 &&
			!slices.ContainsFunc(f.NotEquals, func(source string) bool { return !busy(source) }):
		default:
			return false
		}
	}
	return management
}

// busy reports whether a service makes so many management events that leaving them out is ordinary. They
// are the only two that CloudTrail lets a trail leave out.
func busy(source string) bool {
	return source == "kms.amazonaws.com" || source == "rdsdata.amazonaws.com"
}
