package detectordisabled_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guarddutytypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	securityhubtypes "github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	detectorA = "12abc34d567e8fa901bc2d34e56789f0"
	detectorB = "98abc34d567e8fa901bc2d34e56789f1"
	admin     = "999999999999"
	memberA   = "111111111111"
	memberB   = "222222222222"
	hubARN    = "arn:aws:securityhub:eu-west-1:123456789012:hub/default"
	fsbp      = "arn:aws:securityhub:eu-west-1:123456789012:subscription/aws-foundational-security-best-practices/v/1.0.0"
	cis       = "arn:aws:securityhub:eu-west-1:123456789012:subscription/cis-aws-foundations-benchmark/v/3.0.0"
)

// at is when the recorder was started last.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// record is the EventBridge event of a call, in the shape of real ones.
func record(service, name, request, response, more string) []byte {
	raw, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole",
		"principalId":"AROAEXAMPLEEXAMPLE001:mallory","arn":"arn:aws:sts::123456789012:assumed-role/Admin/mallory",
		"accountId":"123456789012","accessKeyId":"ASIAEXAMPLEEXAMPLE01","sessionContext":{"sessionIssuer":{"type":"Role",
		"principalId":"AROAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:role/Admin","accountId":"123456789012",
		"userName":"Admin"},"attributes":{"creationDate":"2026-03-02T08:55:01Z","mfaAuthenticated":"false"}}},
		"eventTime":"2026-03-02T09:12:44Z","eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1",
		"sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2.15.0 md/awscrt#0.19.19",%s"requestParameters":%s,
		"responseElements":%s,"requestID":"3c2d5a7e-8a11-4c54-9d0e-0f2f3b6f9a11","eventID":"6f1f3c0a-51b7-4f0e-8a5e-0d1c6f1b2c3d",
		"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012",
		"eventCategory":"Management"}`, service, name, more, request, response))
	if err != nil {
		panic(err)
	}
	return raw
}

func call(service, name, request string) []byte { return record(service, name, request, `null`, "") }

// region is what there is in a Region.
type region struct {
	Detectors     map[string]string // status by id
	Administrator string            // account, with a colon and the status of the relationship; "" for none
	Members       map[string]string // status by account

	Recorder string // name; "" for none
	Records  bool
	Started  bool // ever
	Channel  bool

	Hub       bool
	Standards map[string]string // status by subscription
}

// world is a Region after changes to one in which GuardDuty is on, nothing else is there, and members are watched.
func world(changes ...func(*region)) func() *moduletest.World {
	return func() *moduletest.World {
		r := &region{Detectors: map[string]string{detectorA: "ENABLED"}, Members: map[string]string{memberA: "Enabled", memberB: "Enabled"}}
		for _, change := range changes {
			change(r)
		}
		return &moduletest.World{
			State: r, Answers: slices.Concat(r.guardDuty(), r.config(), r.securityHub()),
			Change: func() {
				if _, there := r.Detectors[detectorA]; there {
					r.Detectors[detectorA] = "DISABLED"
				}
				r.Records = false
			},
		}
	}
}

func (r *region) guardDuty() []moduletest.Answer {
	unknown := moduletest.Error("BadRequestException")
	return []moduletest.Answer{
		moduletest.On(func(in *guardduty.ListDetectorsInput) (*guardduty.ListDetectorsOutput, error) {
			if in.NextToken == nil {
				return &guardduty.ListDetectorsOutput{DetectorIds: []string{}, NextToken: aws.String("more")}, nil
			}
			ids := []string{}
			for id := range r.Detectors {
				ids = append(ids, id)
			}
			return &guardduty.ListDetectorsOutput{DetectorIds: ids}, nil
		}),
		moduletest.On(func(in *guardduty.GetDetectorInput) (*guardduty.GetDetectorOutput, error) {
			status, there := r.Detectors[*in.DetectorId]
			if !there {
				return nil, unknown
			}
			return &guardduty.GetDetectorOutput{Status: guarddutytypes.DetectorStatus(status)}, nil
		}),
		moduletest.On(func(in *guardduty.GetAdministratorAccountInput) (*guardduty.GetAdministratorAccountOutput, error) {
			account, status, there := strings.Cut(r.Administrator, ":")
			if !there {
				return &guardduty.GetAdministratorAccountOutput{}, nil
			}
			return &guardduty.GetAdministratorAccountOutput{Administrator: &guarddutytypes.Administrator{AccountId: &account, RelationshipStatus: &status}}, nil
		}),
		moduletest.On(func(in *guardduty.GetMembersInput) (*guardduty.GetMembersOutput, error) {
			members := []guarddutytypes.Member{}
			for _, account := range in.AccountIds {
				if status, there := r.Members[account]; there {
					members = append(members, guarddutytypes.Member{AccountId: &account, RelationshipStatus: &status})
				}
			}
			return &guardduty.GetMembersOutput{Members: members}, nil
		}),
		moduletest.On(func(in *guardduty.UpdateDetectorInput) (*guardduty.UpdateDetectorOutput, error) {
			if _, there := r.Detectors[*in.DetectorId]; !there {
				return nil, unknown
			}
			r.Detectors[*in.DetectorId] = map[bool]string{true: "ENABLED", false: "DISABLED"}[*in.Enable]
			return &guardduty.UpdateDetectorOutput{}, nil
		}),
	}
}

func (r *region) config() []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(*configservice.DescribeConfigurationRecorderStatusInput) (*configservice.DescribeConfigurationRecorderStatusOutput, error) {
			list := []configtypes.ConfigurationRecorderStatus{}
			if r.Recorder != "" {
				status := configtypes.ConfigurationRecorderStatus{Name: &r.Recorder, Recording: r.Records}
				if r.Started {
					status.LastStartTime = &at
				}
				list = append(list, status)
			}
			return &configservice.DescribeConfigurationRecorderStatusOutput{ConfigurationRecordersStatus: list}, nil
		}),
		moduletest.On(func(*configservice.DescribeDeliveryChannelsInput) (*configservice.DescribeDeliveryChannelsOutput, error) {
			list := []configtypes.DeliveryChannel{}
			if r.Channel {
				list = append(list, configtypes.DeliveryChannel{Name: aws.String("default")})
			}
			return &configservice.DescribeDeliveryChannelsOutput{DeliveryChannels: list}, nil
		}),
		moduletest.On(func(in *configservice.StartConfigurationRecorderInput) (*configservice.StartConfigurationRecorderOutput, error) {
			switch {
			case *in.ConfigurationRecorderName != r.Recorder:
				return nil, moduletest.Error("NoSuchConfigurationRecorderException")
			case !r.Channel:
				return nil, moduletest.Error("NoAvailableDeliveryChannelException")
			}
			r.Records = true
			return &configservice.StartConfigurationRecorderOutput{}, nil
		}),
		moduletest.On(func(in *configservice.StopConfigurationRecorderInput) (*configservice.StopConfigurationRecorderOutput, error) {
			if *in.ConfigurationRecorderName != r.Recorder {
				return nil, moduletest.Error("NoSuchConfigurationRecorderException")
			}
			r.Records = false
			return &configservice.StopConfigurationRecorderOutput{}, nil
		}),
	}
}

func (r *region) securityHub() []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(in *securityhub.DescribeHubInput) (*securityhub.DescribeHubOutput, error) {
			if !r.Hub {
				return nil, moduletest.Error("InvalidAccessException")
			}
			return &securityhub.DescribeHubOutput{HubArn: in.HubArn}, nil
		}),
		moduletest.On(func(in *securityhub.GetEnabledStandardsInput) (*securityhub.GetEnabledStandardsOutput, error) {
			list := []securityhubtypes.StandardsSubscription{}
			if in.NextToken == nil {
				return &securityhub.GetEnabledStandardsOutput{StandardsSubscriptions: list, NextToken: aws.String("more")}, nil
			}
			for arn, status := range r.Standards {
				list = append(list, securityhubtypes.StandardsSubscription{StandardsSubscriptionArn: &arn, StandardsStatus: securityhubtypes.StandardsStatus(status)})
			}
			return &securityhub.GetEnabledStandardsOutput{StandardsSubscriptions: list}, nil
		}),
	}
}
