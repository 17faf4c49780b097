package pattern

import (
	"strings"
	"testing"
)

func TestLintTexts(t *testing.T) {
	const names, eventSources, sources = "line 2, column 14: detail.eventName: ", "line 1, column 47: detail.eventSource: ", "line 1, column 12: source: "
	runLint(t, []lintCase{
		// An asterisk in a plain string.
		{in(`"eventName":["PutBucket*"]`), []string{names + `|which no eventName has: write {"wildcard": "PutBucket*"}`}},
		{in(`"eventName":[{"exactly":"*Policy"}]`), []string{names + "|an asterisk"}},
		{in(`"eventName":[{"wildcard":"PutBucket*"},{"anything-but":"a*"}]`), nil},
		{in(`"requestParameters":{"bucketName":["a*"]}`), nil},
		{`{"source":["aws.*"]}`, []string{sources + "|which no source has"}},
		{`{"source":["aws.*"],"detail":{"eventSource":["s3.amazonaws.com"]}}`, []string{sources + "|which no source has"}},
		{`{"source":["aws.s3"],"detail":{"eventSource":["*.amazonaws.com"]}}`, []string{eventSources + "|which no eventSource has"}},
		{`{"source":["aws.s3"],"detail-type":["Object Created"],"detail":{"eventName":["a*"]}}`, nil},

		// The service before the name.
		{in(`"eventName":["s3:PutBucketPolicy"]`), []string{names + `|doesn't begin with the service: write "PutBucketPolicy"`}},
		{in(`"eventName":[{"prefix":"s3:Put"}]`), []string{names + "|doesn't begin with"}},
		{in(`"eventName":[{"wildcard":"access-analyzer:*"}]`), []string{names + "|doesn't begin with"}},
		{in(`"eventName":[":Put","A:b",{"suffix":"s3:a"}]`), nil},

		// What stands for a source or an eventSource.
		{`{"source":["iam.amazonaws.com"]}`, []string{sources + "|no event of AWS's has the source iam.amazonaws.com: write aws.iam"}},
		{`{"source":["aws.iam.amazonaws.com"]}`, []string{sources + "|write aws.iam"}},
		{`{"source":["iam.amazonaws.com"],"detail":{"eventSource":["iam.amazonaws.com"]}}`, []string{sources + "|write aws.iam"}},
		{`{"source":["health.amazonaws.com"],"detail-type":["AWS Health Event"]}`, []string{sources + "|write aws.health"}},
		{`{"source":[{"prefix":"iam.amazonaws.com"}]}`, []string{sources + "|this also holds for sources"}},
		{`{"source":[{"anything-but":"iam.amazonaws.com"}]}`, []string{sources + "|this also holds for sources"}},
		{`{"source":["aws.partner/a.amazonaws.com/b"]}`, nil},
		{`{"source":["aws.IAM"]}`, []string{sources + "|write aws.iam"}},
		{`{"source":["AWS.iam"]}`, []string{sources + "|write aws.iam"}},
		{`{"source":["aws.UnheardOf"]}`, nil},
		{`{"source":["aws.iam"],"detail":{"eventSource":["IAM.amazonaws.com"]}}`, []string{
			strings.Replace(eventSources, "47", "48", 1) + "|write iam.amazonaws.com"}},

		// What SDKs call a service.
		{`{"source":["aws.cloudwatch"],"detail-type":["CloudWatch Alarm State Change"]}`, nil},
		{`{"source":["aws.cloudwatch"]}`, nil},
		{`{"source":["aws.cloudwatch"],"detail-type":["AWS API Call via CloudTrail"]}`, []string{sources + "|have the source aws.monitoring"}},
		{`{"source":["aws.cloudwatch"],"$or":[{"detail-type":["AWS API Call via CloudTrail"]},{"detail-type":["CloudWatch Alarm State Change"]}]}`, nil},
		{call("elbv2", `"eventName":["CreateRule"]`), []string{sources + "|elasticloadbalancing", "line 1, column 96: detail.eventSource: |"}},
	})
	for label, want := range map[string]string{
		"cloudwatch": "monitoring", "eventbridge": "events", "elbv2": "elasticloadbalancing", "sesv2": "ses",
		"stepfunctions": "states", "opensearch": "es", "s3": "",
	} {
		if want != "" {
			want = "CloudTrail's events of this service have the eventSource " + want + ".amazonaws.com: write that"
		}
		if got := wrongEventSource(label + ".amazonaws.com"); got != want {
			t.Errorf("%s: %s", label, got)
		}
	}
}

func TestMeantPath(t *testing.T) {
	for path, want := range map[string]string{
		"detailType":                "detail-type",
		"detail_type":               "detail-type",
		"Detail.eventName":          "detail.eventName",
		"Resources":                 "resources",
		"eventName":                 "detail.eventName",
		"event_name":                "detail.eventName",
		"userIdentity.type":         "detail.userIdentity.type",
		"requestParameters.x":       "detail.requestParameters.x",
		"detail.source":             "source",
		"detail.detail-type":        "detail-type",
		"detail.detailType":         "detail-type",
		"detail.eventname":          "detail.eventName",
		"detail.EventName":          "detail.eventName",
		"detail.useridentity":       "detail.userIdentity",
		"detail.useridentity.x":     "detail.userIdentity.x",
		"detail.userIdentity.Arn":   "detail.userIdentity.arn",
		"detail.errorcode":          "detail.errorCode",
		"detail.sourceIpAddress":    "detail.sourceIPAddress",
		"detail.request-parameters": "detail.requestParameters",

		"account": "", "detail-type": "", "resources": "", "detail.resources": "", "detail.eventName": "", "other": "",
		"detail.account": "", "detail.requestParameters.eventname": "", "detail.userIdentity.x": "", "detail.x.eventname": "",
		"detail.source.x": "",
		"detail.eventname" + strings.Repeat("_", maxSpelling): "",
	} {
		if got := meantPath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, field := range recordFields {
		if got := meantPath("detail." + field); got != "" {
			t.Errorf("%s: %s", field, got)
		}
	}
}

func TestLintSpelling(t *testing.T) {
	runLint(t, []lintCase{
		{in(`"useridentity":{"arn":["x"]}`), []string{"line 2, column 23: detail.useridentity.arn: |no event has this field: write detail.userIdentity.arn"}},
		{in(`"source":["x"]`), []string{"line 2, column 10: detail.source: |write source"}},
		{`{"source":["aws.s3"],"detailType":["x"]}`, []string{"line 1, column 35: detailType: |write detail-type"}},
		{`{"source":["aws.s3"],"eventName":["x"]}`, []string{"line 1, column 34: eventName: |write detail.eventName"}},
		{`{"source":["aws.rds"],"detail":{"EventID":["RDS-EVENT-0001"],"source":["x"]}}`, nil}, // not CloudTrail's
		{`{"source":["aws.rds"],"detail-type":["RDS DB Instance Event"],"detail":{"EventID":["x"]}}`, nil},
		{`{"source":["aws.rds"],"detail-type":["AWS API Call via CloudTrail"],"detail":{"EventID":["x"]}}`, []string{
			"line 1, column 89: detail.EventID: |write detail.eventID"}},
	})
}

func TestLintImpossible(t *testing.T) {
	const mfa = `"userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":`
	runLint(t, []lintCase{
		{in(mfa + `[false]}}}`), []string{`line 2, column 69: detail.userIdentity.sessionContext.attributes.mfaAuthenticated: |never a boolean: write "false"`}},
		{in(mfa + `["false"]}}}`), nil},
		{in(`"additionalEventData":{"MFAUsed":[true]}`), []string{`line 2, column 35: detail.additionalEventData.MFAUsed: |write "Yes" or "No"`}},
		{in(`"additionalEventData":{"MFAUsed":["false"]}`), []string{"line 2, column 35: detail.additionalEventData.MFAUsed: |"}},
		{in(`"additionalEventData":{"MFAUsed":["No","YES"]}`), nil},
		{in(`"readOnly":["false"]`), []string{"line 2, column 13: detail.readOnly: |write false without quotes"}},
		{in(`"managementEvent":[{"exactly":"true"}]`), []string{"line 2, column 31: detail.managementEvent: |write true without quotes"}},
		{in(`"readOnly":[false],"managementEvent":[true]`), nil},
		{in(`"errorCode":[""]`), []string{`line 2, column 14: detail.errorCode: |write {"exists": false}`}},
		{in(`"errorCode":["AccessDenied",{"anything-but":""},{"prefix":"x"}]`), nil},
		{in(`"userIdentity":{"type":["root"]}`), []string{`line 2, column 25: detail.userIdentity.type: |write "Root"`}},
		{in(`"userIdentity":{"type":["Root","IAMUser",{"exists":false},{"anything-but":["iamuser"]}]}`), []string{
			`line 2, column 76: detail.userIdentity.type: |write "IAMUser"`}},
		{`{"source":["aws.health"],"account":[123456789012]}`, []string{"line 1, column 37: account: |a text of 12 digits"}},
		{`{"source":["aws.s3"],"account":[{"anything-but":[123456789012]}]}`, []string{"line 1, column 50: account: |a text of 12 digits"}},
		{`{"source":["aws.s3"],"account":["123456789012"]}`, nil},
		{`{"source":["aws.a"],"detail-type":["b"],"detail":{"readOnly":["true"],"errorCode":[""]}}`, nil},
	})
}
