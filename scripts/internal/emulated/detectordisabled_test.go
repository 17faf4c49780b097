//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/countermand/countermand/remediations/modules/detectordisabled"
)

// withDetectors makes GuardDuty's detector and AWS Config's recorder, and returns the detector's id and the state of both.
func withDetectors(t *testing.T, cfg aws.Config) (detector string, state func() any) {
	t.Helper()
	guard, recorder := guardduty.NewFromConfig(cfg), configservice.NewFromConfig(cfg)
	detector = *must[*guardduty.CreateDetectorOutput](t)(guard.CreateDetector(t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true)})).DetectorId
	withBuckets(t, cfg, true, "config")
	must[*configservice.PutConfigurationRecorderOutput](t)(recorder.PutConfigurationRecorder(t.Context(), &configservice.PutConfigurationRecorderInput{
		ConfigurationRecorder: &configtypes.ConfigurationRecorder{
			Name: aws.String("default"), RoleARN: aws.String("arn:aws:iam::" + account + ":role/config"),
			RecordingGroup: &configtypes.RecordingGroup{AllSupported: true, IncludeGlobalResourceTypes: true},
		},
	}))
	must[*configservice.PutDeliveryChannelOutput](t)(recorder.PutDeliveryChannel(t.Context(), &configservice.PutDeliveryChannelInput{
		DeliveryChannel: &configtypes.DeliveryChannel{Name: aws.String("default"), S3BucketName: aws.String("config")},
	}))
	must[*configservice.StartConfigurationRecorderOutput](t)(recorder.StartConfigurationRecorder(t.Context(), &configservice.StartConfigurationRecorderInput{
		ConfigurationRecorderName: aws.String("default"),
	}))
	return detector, func() any {
		return struct {
			Detector  types.DetectorStatus
			Recording bool
		}{
			must[*guardduty.GetDetectorOutput](t)(guard.GetDetector(t.Context(), &guardduty.GetDetectorInput{DetectorId: &detector})).Status,
			must[*configservice.DescribeConfigurationRecorderStatusOutput](t)(recorder.DescribeConfigurationRecorderStatus(t.Context(), &configservice.DescribeConfigurationRecorderStatusInput{})).ConfigurationRecordersStatus[0].Recording,
		}
	}
}

func TestDetectorSuspended(t *testing.T) {
	cfg := moto(t)
	detector, state := withDetectors(t, cfg)
	play(t, scene{
		module: detectordisabled.Module, aws: cfg, broken: detector, state: state,
		call: func() call {
			must[*guardduty.UpdateDetectorOutput](t)(guardduty.NewFromConfig(cfg).UpdateDetector(t.Context(), &guardduty.UpdateDetectorInput{DetectorId: &detector, Enable: aws.Bool(false)}))
			return call{source: "guardduty.amazonaws.com", name: "UpdateDetector", request: `{"detectorId":"` + detector + `","enable":false}`}
		},
	})
}

func TestRecorderStopped(t *testing.T) {
	cfg := moto(t)
	_, state := withDetectors(t, cfg)
	play(t, scene{
		module: detectordisabled.Module, aws: cfg, broken: "default", state: state,
		call: func() call {
			must[*configservice.StopConfigurationRecorderOutput](t)(configservice.NewFromConfig(cfg).StopConfigurationRecorder(t.Context(), &configservice.StopConfigurationRecorderInput{
				ConfigurationRecorderName: aws.String("default"),
			}))
			return call{source: "config.amazonaws.com", name: "StopConfigurationRecorder", request: `{"configurationRecorderName":"default"}`}
		},
	})
}
