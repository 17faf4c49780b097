package detectordisabled_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guarddutytypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	securityhubtypes "github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/detectordisabled"
	"github.com/countermand/countermand/remediations/moduletest"
)

var (
	suspendedA  = call("guardduty", "UpdateDetector", `{"detectorId":"`+detectorA+`","enable":false}`)
	frequency   = call("guardduty", "UpdateDetector", `{"detectorId":"`+detectorA+`","findingPublishingFrequency":"SIX_HOURS"}`)
	deletedA    = call("guardduty", "DeleteDetector", `{"detectorId":"`+detectorA+`"}`)
	left        = call("guardduty", "DisassociateFromAdministratorAccount", `{"detectorId":"`+detectorA+`"}`)
	leftBefore  = call("guardduty", "DisassociateFromMasterAccount", `{"detectorId":"`+detectorA+`"}`)
	unmonitored = record("guardduty", "StopMonitoringMembers", `{"detectorId":"`+detectorA+`","accountIds":["`+memberA+`","`+memberB+`"]}`, `{"unprocessedAccounts":[]}`, "")
	rejected    = record("guardduty", "DeleteDetector", `{"detectorId":"123"}`, `{"message":"The request is rejected.","__type":"InvalidInputException"}`,
		`"errorCode":"BadRequestException",`)

	stopped        = call("config", "StopConfigurationRecorder", `{"configurationRecorderName":"default"}`)
	recorderGone   = call("config", "DeleteConfigurationRecorder", `{"configurationRecorderName":"default"}`)
	stoppedLinked  = call("config", "DeleteConfigurationRecorder", `{"configurationRecorderName":"AWSConfigurationRecorderForObservability_1a2b"}`)
	channelGone    = call("config", "DeleteDeliveryChannel", `{"deliveryChannelName":"default"}`)
	stoppedByStack = []byte(strings.Replace(string(stopped), `"sourceIPAddress":"203.0.113.7"`, `"sourceIPAddress":"cloudformation.amazonaws.com"`, 1))

	hubOff       = call("securityhub", "DisableSecurityHub", `null`)
	standardsOff = record("securityhub", "BatchDisableStandards", `{"StandardsSubscriptionArns":["`+fsbp+`","`+cis+`"]}`,
		`{"StandardsSubscriptions":[{"StandardsSubscriptionArn":"`+fsbp+`","StandardsStatus":"DELETING"},{"StandardsSubscriptionArn":"`+cis+`","StandardsStatus":"DELETING"}]}`, "")
	standardsOffLower = call("securityhub", "BatchDisableStandards", `{"standardsSubscriptionArns":["`+fsbp+`"]}`)
)

func suspended(r *region)  { r.Detectors[detectorA] = "DISABLED" }
func noDetector(r *region) { clear(r.Detectors) }
func replaced(r *region)   { r.Detectors = map[string]string{detectorB: "ENABLED"} }
func administered(status string) func(*region) {
	return func(r *region) { r.Administrator = admin + ":" + status }
}

func without(account string) func(*region) {
	return func(r *region) { delete(r.Members, account) }
}

// recorder is a Region with a recorder of AWS Config, and no detector.
func recorder(name string, records, channel bool) func(*region) {
	return func(r *region) {
		clear(r.Detectors)
		r.Recorder, r.Records, r.Started, r.Channel = name, records, true, channel
	}
}
func neverStarted(r *region) { r.Started = false }

// hub is a Region with Security Hub and these standards, and no detector.
func hub(standards ...string) func(*region) {
	return func(r *region) {
		clear(r.Detectors)
		r.Hub, r.Standards = true, map[string]string{}
		for _, arn := range standards {
			r.Standards[arn] = "READY"
		}
	}
}

func deleting(arn string) func(*region) { return func(r *region) { r.Standards[arn] = "DELETING" } }

func own(service, name, request string) [][]byte {
	return [][]byte{[]byte(strings.ReplaceAll(string(call(service, name, request)), "6f1f3c0a-51b7", "7f1f3c0a-51b7"))}
}

func Test(t *testing.T) {
	enable := own("guardduty", "UpdateDetector", `{"detectorId":"`+detectorA+`","enable":true}`)
	start := own("config", "StartConfigurationRecorder", `{"configurationRecorderName":"default"}`)
	const (
		gone  = "what is gone can't be listed"
		asked = "only the call says that it was ever so"
		other = "a sweep finds the one that took its place"
	)
	acts := func(name string, event []byte, own [][]byte, unswept string, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own, Unswept: unswept}
	}
	idle := func(name string, event []byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	moduletest.Run(t, detectordisabled.Module,
		acts("suspended", suspendedA, enable, "", suspended),
		acts("suspended before", frequency, enable, "", suspended),
		acts("suspended after it has left", left, enable, "", suspended, administered("Resigned")),
		acts("suspended, another's to start", suspendedA, nil, "", suspended, administered("Disabled")),
		acts("deleted", deletedA, nil, gone, noDetector),
		acts("left its administrator", left, nil, asked),
		acts("a member is not watched", unmonitored, nil, asked, without(memberB)),

		acts("deleted, and replaced by one that is off", deletedA, nil, other, replaced, func(r *region) { r.Detectors[detectorB] = "DISABLED" }),

		idle("on again", suspendedA),
		idle("another setting", frequency),
		idle("replaced", deletedA, replaced),
		idle("has an administrator again", left, administered("Enabled")),
		idle("members are watched again", unmonitored),
		idle("rejected", rejected, noDetector),

		acts("stopped", stopped, start, "", recorder("default", false, true)),
		acts("stopped by a stack", stoppedByStack, start, "", recorder("default", false, true)),
		acts("stopped, without a channel", stopped, nil, "", recorder("default", false, false)),
		acts("the recorder is gone", recorderGone, nil, gone, recorder("", false, true)),
		acts("another in its place, not started", recorderGone, nil, asked, recorder("main", false, true), neverStarted),
		acts("one of the same name in its place, not started", recorderGone, nil, asked, recorder("default", false, true), neverStarted),
		acts("another in its place, stopped", recorderGone, nil, other, recorder("main", false, true)),
		acts("the channel is gone", channelGone, nil, gone, recorder("", false, false)),

		idle("records again", stopped, recorder("default", true, true)),
		idle("never started", stopped, recorder("default", false, true), neverStarted),
		idle("another in its place", recorderGone, recorder("main", true, true)),
		idle("an AWS service's", stoppedLinked, recorder("", false, false)),
		idle("another channel", channelGone, recorder("default", true, true)),

		acts("Security Hub is off", hubOff, nil, gone, noDetector),
		acts("standards are off", standardsOff, nil, asked, hub()),
		acts("a standard is off", standardsOff, nil, asked, hub(cis)),
		acts("a standard is being switched off", standardsOff, nil, asked, hub(cis, fsbp), deleting(fsbp)),
		acts("a standard is off, in other letters", standardsOffLower, nil, asked, hub(cis)),
		idle("Security Hub is on again", hubOff, hub()),
		idle("standards are on again", standardsOff, hub(cis, fsbp)),
	)
}

func resource(kind, id string) remediations.Resource {
	return remediations.Resource{ID: id, Type: "AWS::" + kind, Account: "123456789012", Region: "eu-west-1"}
}

// found is what the guard finds after an event; a sweep if that is nil.
func found(t *testing.T, raw []byte, r remediations.Resource, answer func(in any) any) (*remediations.Finding, error) {
	t.Helper()
	run := &remediations.Run{Account: "123456789012", AWS: moduletest.Config("eu-west-1", func(in any) (any, error) {
		out := answer(in)
		if err, ok := out.(error); ok {
			return nil, err
		}
		return out, nil
	})}
	if raw != nil {
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		run.Event = &event
	}
	return detectordisabled.Module.Guard(t.Context(), run, r)
}

// What is in the place of what was deleted is to be switched on, and not what is gone.
func TestFixOfWhatTookItsPlace(t *testing.T) {
	for want, c := range map[string]struct {
		event []byte
		of    remediations.Resource
	}{
		"aws guardduty update-detector --region 'eu-west-1' --detector-id '" + detectorB + "' --enable":            {deletedA, resource("GuardDuty::Detector", detectorA)},
		"aws configservice start-configuration-recorder --region 'eu-west-1' --configuration-recorder-name 'main'": {recorderGone, resource("Config::ConfigurationRecorder", "default")},
	} {
		finding, err := found(t, c.event, c.of, func(in any) any {
			switch in.(type) {
			case *guardduty.ListDetectorsInput:
				return &guardduty.ListDetectorsOutput{DetectorIds: []string{detectorB}}
			case *guardduty.GetDetectorInput:
				return &guardduty.GetDetectorOutput{Status: guarddutytypes.DetectorStatusDisabled}
			case *configservice.DescribeDeliveryChannelsInput:
				return &configservice.DescribeDeliveryChannelsOutput{DeliveryChannels: []configtypes.DeliveryChannel{}}
			}
			return &configservice.DescribeConfigurationRecorderStatusOutput{ConfigurationRecordersStatus: []configtypes.ConfigurationRecorderStatus{{Name: aws.String("main")}}}
		})
		if err != nil || finding == nil || finding.Fix != want || !finding.AlertOnly {
			t.Errorf("found %+v, %v, want %s", finding, err, want)
		}
	}
}

// answers is what AWS says where all is off, and has been left.
func answers(in any) any {
	switch in := in.(type) {
	case *guardduty.ListDetectorsInput:
		return &guardduty.ListDetectorsOutput{DetectorIds: []string{detectorA}}
	case *guardduty.GetDetectorInput:
		return &guardduty.GetDetectorOutput{Status: guarddutytypes.DetectorStatusDisabled}
	case *guardduty.GetAdministratorAccountInput:
		return &guardduty.GetAdministratorAccountOutput{}
	case *guardduty.GetMembersInput:
		return &guardduty.GetMembersOutput{Members: []guarddutytypes.Member{}}
	case *configservice.DescribeConfigurationRecorderStatusInput:
		return &configservice.DescribeConfigurationRecorderStatusOutput{ConfigurationRecordersStatus: []configtypes.ConfigurationRecorderStatus{
			{Name: aws.String("default"), LastStartTime: &at}}}
	case *configservice.DescribeDeliveryChannelsInput:
		return &configservice.DescribeDeliveryChannelsOutput{DeliveryChannels: []configtypes.DeliveryChannel{{}}}
	case *securityhub.DescribeHubInput:
		return &securityhub.DescribeHubOutput{HubArn: in.HubArn}
	case *securityhub.GetEnabledStandardsInput:
		return &securityhub.GetEnabledStandardsOutput{StandardsSubscriptions: []securityhubtypes.StandardsSubscription{}}
	}
	return nil
}

// but is these answers with another one to the calls of one kind.
func but[I any](other any) func(any) any {
	return func(in any) any {
		if _, ok := in.(*I); ok {
			return other
		}
		return answers(in)
	}
}

func TestFindings(t *testing.T) {
	on := &guardduty.GetDetectorOutput{Status: guarddutytypes.DetectorStatusEnabled}
	administrator := &guardduty.GetAdministratorAccountOutput{Administrator: &guarddutytypes.Administrator{AccountId: aws.String(admin), RelationshipStatus: aws.String("Disabled")}}
	detector := resource("GuardDuty::Detector", detectorA)
	config := resource("Config::ConfigurationRecorder", "default")
	hub := resource("SecurityHub::Hub", "default")
	for name, c := range map[string]struct {
		event       []byte
		resource    remediations.Resource
		answer      func(any) any
		reason      string
		fix, revert string // how they end; alerts have no revert
	}{
		"suspended": {nil, detector, answers, "GuardDuty's detector is suspended: nothing is watched in this Region",
			"aws guardduty update-detector --region 'eu-west-1' --detector-id '" + detectorA + "' --enable", "' --no-enable"},
		"another's": {nil, detector, but[guardduty.GetAdministratorAccountInput](administrator),
			"GuardDuty's detector is suspended; account 999999999999 administers it, and has to start it", "--account-ids '123456789012'", ""},
		"gone": {nil, detector, but[guardduty.ListDetectorsInput](&guardduty.ListDetectorsOutput{DetectorIds: []string{}}),
			"GuardDuty's detector does not exist any more: nothing is watched in this Region, and its findings are lost", "--enable", ""},
		"left": {left, detector, but[guardduty.GetDetectorInput](on),
			"GuardDuty's detector has left its administrator, who does not see its findings any more", "AccountId='123456789012',Email=EMAIL", ""},
		"members": {unmonitored, detector, but[guardduty.GetDetectorInput](on),
			"GuardDuty does not watch these member accounts any more: 111111111111, 222222222222", "--account-ids 111111111111 222222222222", ""},
		"stopped": {nil, config, answers, "AWS Config's recorder is stopped: no change of a resource is recorded in this Region",
			"aws configservice start-configuration-recorder --region 'eu-west-1' --configuration-recorder-name 'default'",
			"aws configservice stop-configuration-recorder --region 'eu-west-1' --configuration-recorder-name 'default'"},
		"no channel": {nil, config, but[configservice.DescribeDeliveryChannelsInput](&configservice.DescribeDeliveryChannelsOutput{DeliveryChannels: []configtypes.DeliveryChannel{}}),
			"AWS Config's recorder is stopped, and has no delivery channel to be started with: no change of a resource is recorded in this Region",
			"--delivery-channel name=default,s3BucketName=BUCKET\naws configservice start-configuration-recorder --region 'eu-west-1' --configuration-recorder-name 'default'", ""},
		"hub": {hubOff, hub, but[securityhub.DescribeHubInput](moduletest.Error("ResourceNotFoundException")),
			"Security Hub is off in this Region: nothing is checked, and its findings are deleted after 90 days", "set up again.", ""},
		"standards": {standardsOff, hub, answers,
			"Security Hub does not check these standards any more: aws-foundational-security-best-practices/v/1.0.0, cis-aws-foundations-benchmark/v/3.0.0",
			"StandardsArn=STANDARD_ARN", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := found(t, c.event, c.resource, c.answer)
			if err != nil || f == nil {
				t.Fatal(f, err)
			}
			if f.Reason != c.reason || !strings.HasSuffix(f.Fix, c.fix) || !strings.HasSuffix(f.Revert, c.revert) ||
				f.AlertOnly != (c.revert == "") || f.AlertOnly != (f.Revert == "") {
				t.Errorf("%+v", f)
			}
		})
	}
}

// What the state shows only beside the call that was made. A sweep finds nothing of it, nor does another call.
func TestTold(t *testing.T) {
	on := &guardduty.GetDetectorOutput{Status: guarddutytypes.DetectorStatusEnabled}
	detector := resource("GuardDuty::Detector", detectorA)
	administrator := func(status string) *guardduty.GetAdministratorAccountOutput {
		return &guardduty.GetAdministratorAccountOutput{Administrator: &guarddutytypes.Administrator{AccountId: aws.String(admin), RelationshipStatus: &status}}
	}
	members := func(statuses ...string) *guardduty.GetMembersOutput {
		list := []guarddutytypes.Member{}
		for i, status := range statuses {
			list = append(list, guarddutytypes.Member{AccountId: aws.String([]string{memberA, memberB}[i]), RelationshipStatus: &status})
		}
		return &guardduty.GetMembersOutput{Members: list}
	}
	for name, c := range map[string]struct {
		event         []byte
		administrator *guardduty.GetAdministratorAccountOutput
		members       *guardduty.GetMembersOutput
		want          string // how the reason ends; "": nothing is wrong
	}{
		"left":               {left, administrator("Removed"), nil, "does not see its findings any more"},
		"left, in old words": {leftBefore, administrator("Resigned"), nil, "does not see its findings any more"},
		"left, and no trace": {left, &guardduty.GetAdministratorAccountOutput{}, nil, "does not see its findings any more"},
		"back again":         {left, administrator("Enabled"), nil, ""},
		"left before":        {frequency, administrator("Removed"), nil, ""},
		"a sweep":            {nil, administrator("Removed"), members(), ""},
		"one is unwatched":   {unmonitored, nil, members("Enabled", "Disabled"), "any more: " + memberB},
		"one is no member":   {unmonitored, nil, members("Enabled"), "any more: " + memberB},
		"watched":            {unmonitored, nil, members("Enabled", "Enabled"), ""},
		"unwatched before":   {frequency, nil, members(), ""},
	} {
		f, err := found(t, c.event, detector, func(in any) any {
			switch in.(type) {
			case *guardduty.GetDetectorInput:
				return on
			case *guardduty.GetAdministratorAccountInput:
				return c.administrator
			case *guardduty.GetMembersInput:
				return c.members
			}
			return answers(in)
		})
		if err != nil || (f != nil) != (c.want != "") || f != nil && (!strings.HasSuffix(f.Reason, c.want) || !f.AlertOnly) {
			t.Errorf("%s: %+v, %v; want %q", name, f, err, c.want)
		}
	}
}

// An answer that is not about what was asked for, or holds nothing, says nothing of it.
func TestOtherAnswers(t *testing.T) {
	on := &guardduty.GetDetectorOutput{Status: guarddutytypes.DetectorStatusEnabled}
	watching := func(other any) func(any) any {
		return func(in any) any {
			if _, ok := in.(*guardduty.GetDetectorInput); ok {
				return on
			}
			return but[guardduty.GetMembersInput](other)(in)
		}
	}
	detector := resource("GuardDuty::Detector", detectorA)
	recorder := resource("Config::ConfigurationRecorder", "default")
	hub := resource("SecurityHub::Hub", "default")
	for name, c := range map[string]struct {
		event    []byte
		resource remediations.Resource
		answer   func(any) any
	}{
		"no list of detectors":    {nil, detector, but[guardduty.ListDetectorsInput](&guardduty.ListDetectorsOutput{})},
		"a detector in no state":  {nil, detector, but[guardduty.GetDetectorInput](&guardduty.GetDetectorOutput{})},
		"a listed one refused":    {nil, detector, but[guardduty.GetDetectorInput](moduletest.Error("BadRequestException"))},
		"a strange administrator": {nil, detector, but[guardduty.GetAdministratorAccountInput](&guardduty.GetAdministratorAccountOutput{Administrator: &guarddutytypes.Administrator{AccountId: aws.String("$(id)")}})},
		"no list of members":      {unmonitored, detector, watching(&guardduty.GetMembersOutput{})},
		"no members were named":   {call("guardduty", "StopMonitoringMembers", `{"detectorId":"`+detectorA+`","accountIds":[]}`), detector, watching(nil)},
		"a strange member":        {call("guardduty", "StopMonitoringMembers", `{"detectorId":"`+detectorA+`","accountIds":["$(id)"]}`), detector, watching(nil)},
		"no list of recorders":    {nil, recorder, but[configservice.DescribeConfigurationRecorderStatusInput](&configservice.DescribeConfigurationRecorderStatusOutput{})},
		"a recorder without name": {nil, recorder, but[configservice.DescribeConfigurationRecorderStatusInput](&configservice.DescribeConfigurationRecorderStatusOutput{ConfigurationRecordersStatus: []configtypes.ConfigurationRecorderStatus{{}}})},
		"no list of channels":     {nil, recorder, but[configservice.DescribeDeliveryChannelsInput](&configservice.DescribeDeliveryChannelsOutput{})},
		"another's hub":           {hubOff, hub, but[securityhub.DescribeHubInput](&securityhub.DescribeHubOutput{HubArn: aws.String(strings.Replace(hubARN, "123456789012", admin, 1))})},
		"no hub":                  {hubOff, hub, but[securityhub.DescribeHubInput](&securityhub.DescribeHubOutput{})},
		"no list of standards":    {standardsOff, hub, but[securityhub.GetEnabledStandardsInput](&securityhub.GetEnabledStandardsOutput{})},
		"no standards were named": {call("securityhub", "BatchDisableStandards", `{}`), hub, answers},
		"a strange standard":      {call("securityhub", "BatchDisableStandards", `{"StandardsSubscriptionArns":["x; id"]}`), hub, answers},
		"a strange detector":      {nil, resource("GuardDuty::Detector", "a; id"), answers},
		"a strange recorder":      {nil, resource("Config::ConfigurationRecorder", "a'; id"), answers},
		"something else":          {nil, resource("S3::Bucket", "ledger"), answers},
	} {
		if f, err := found(t, c.event, c.resource, c.answer); err == nil {
			t.Errorf("%s: found %+v, want an error", name, f)
		}
	}
}

// What is gone can't be switched off, and what was not switched on isn't.
func TestUndoRefuses(t *testing.T) {
	run := &remediations.Run{AWS: moduletest.Config("eu-west-1", func(in any) (any, error) {
		return but[guardduty.ListDetectorsInput](&guardduty.ListDetectorsOutput{DetectorIds: []string{detectorB}})(in), nil
	})}
	undo := func(kind, id, before, after string) error {
		return detectordisabled.Module.Undo(t.Context(), run, &remediations.Finding{Resource: resource(kind, id), Before: []byte(before), After: []byte(after)})
	}
	for kind, id := range map[string]string{"GuardDuty::Detector": detectorA, "Config::ConfigurationRecorder": "main"} {
		var changed *remediations.ChangedError
		if err := undo(kind, id, `{"on":false}`, `{"on":true}`); !errors.As(err, &changed) || string(changed.Present) != "null" {
			t.Errorf("%s: %v, want that it is gone", kind, err)
		}
		if err := undo(kind, id, `{"on":true}`, `{"on":true}`); err == nil || errors.Is(err, remediations.ErrChanged) {
			t.Errorf("%s was on before: %v, want another error", kind, err)
		}
	}
	if err := undo("SecurityHub::Hub", "default", `{"on":false}`, `{"on":true}`); err == nil || errors.Is(err, remediations.ErrChanged) {
		t.Errorf("a hub, which is never switched on: %v, want another error", err)
	}
}

func TestSuspects(t *testing.T) {
	for _, c := range []struct {
		raw  []byte
		want string // type and id; "": nobody; "error"
	}{
		{suspendedA, "AWS::GuardDuty::Detector " + detectorA},
		{unmonitored, "AWS::GuardDuty::Detector " + detectorA},
		{stopped, "AWS::Config::ConfigurationRecorder default"},
		{call("config", "StopConfigurationRecorder", `{"configurationRecorderName":"my recorder"}`), "AWS::Config::ConfigurationRecorder my recorder"},
		{channelGone, "AWS::Config::DeliveryChannel default"},
		{hubOff, "AWS::SecurityHub::Hub default"},
		{stoppedLinked, ""},
		{call("guardduty", "DeleteDetector", `null`), "error"},
		{call("guardduty", "DeleteDetector", `{"detectorId":"a;id"}`), "error"},
		{call("config", "StopConfigurationRecorder", `{"configurationRecorderName":"default';id"}`), "error"},
		{call("config", "DeleteDeliveryChannel", `{}`), "error"},
		{call("securityhub", "DisassociateFromAdministratorAccount", `{"detectorId":"`+detectorA+`"}`), "error"}, // the pattern leaves it out
	} {
		event, err := events.Parse(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := detectordisabled.Module.Suspects(event)
		switch {
		case c.want == "error":
			if err == nil {
				t.Errorf("%s: suspects %v, want an error", event.Record.EventName, got)
			}
		case err != nil || len(got) > 1 || (len(got) == 1) != (c.want != "") || len(got) == 1 && got[0].String() != c.want:
			t.Errorf("%s: %v, %v; want %q", event.Record.EventName, got, err, c.want)
		case len(got) == 1 && (got[0].Account != "123456789012" || got[0].Region != "eu-west-1"):
			t.Errorf("%+v", got[0])
		}
	}
}

// The pattern is one alternative a service: calls of another service that have the same names don't match.
func TestPattern(t *testing.T) {
	matcher, err := detectordisabled.Module.Pattern.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		raw  []byte
		want bool
	}{
		{suspendedA, true}, {left, true}, {stopped, true}, {channelGone, true}, {hubOff, true}, {rejected, false},
		{call("securityhub", "DisassociateFromAdministratorAccount", `null`), false},
		{call("macie2", "DisassociateFromMasterAccount", `null`), false},
		{call("config", "StartConfigurationRecorder", `{"configurationRecorderName":"default"}`), false},
		{call("guardduty", "CreateDetector", `{"enable":true}`), false},
	} {
		if got, err := matcher.Match(c.raw); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.raw, got, err)
		}
	}
}
