package detectordisabled

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

const (
	channelType  = "AWS::Config::DeliveryChannel"
	recorderType = "AWS::Config::ConfigurationRecorder"

	deletedRecorder = "DeleteConfigurationRecorder"
)

// linked is how the names of recorders begin that belong to an AWS service, which alone can make and delete them. They
// can't be stopped or started.
// https://docs.aws.amazon.com/config/latest/APIReference/API_StartConfigurationRecorder.html
const linked = "AWSConfigurationRecorderFor"

// configName is what names of recorders and channels look like here: AWS Config takes any text. They become part of ARNs
// and of commands that people copy.
var configName = regexp.MustCompile(`^[A-Za-z0-9 ._=@+-]{1,256}$`)

func recorderOf(r events.Record) (string, error) {
	name, err := nameOf(r, "configurationRecorderName")
	if strings.HasPrefix(name, linked) {
		return "", nil
	}
	return name, err
}

func channelOf(r events.Record) (string, error) { return nameOf(r, "deliveryChannelName") }

func nameOf(r events.Record, parameter string) (string, error) {
	name := r.Request.Get(parameter).Text()
	if !configName.MatchString(name) {
		return "", fmt.Errorf("the record of %s has as %s %q", r.EventName, parameter, name)
	}
	return name, nil
}

// recorders is the Region's recorders but for those of AWS services: one at most.
func recorders(ctx context.Context, cfg aws.Config) ([]types.ConfigurationRecorderStatus, error) {
	out, err := configservice.NewFromConfig(cfg).DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{})
	if err == nil && out.ConfigurationRecordersStatus == nil { // AWS Config's is empty if there are none
		err = errNoList
	}
	if err != nil {
		return nil, fmt.Errorf("describe the status of the configuration recorder: %w", err)
	}
	for _, r := range out.ConfigurationRecordersStatus {
		if aws.ToString(r.Name) == "" {
			return nil, fmt.Errorf("describe the status of the configuration recorder: the answer holds one without a name")
		}
	}
	return out.ConfigurationRecordersStatus, nil
}

func listRecorders(ctx context.Context, cfg aws.Config) ([]string, error) {
	all, err := recorders(ctx, cfg)
	var names []string
	for _, r := range all {
		names = append(names, *r.Name)
	}
	return names, err
}

// delivers is whether the Region has a delivery channel, of which there is one at most.
func delivers(ctx context.Context, cfg aws.Config) (bool, error) {
	out, err := configservice.NewFromConfig(cfg).DescribeDeliveryChannels(ctx, &configservice.DescribeDeliveryChannelsInput{})
	if err == nil && out.DeliveryChannels == nil {
		err = errNoList
	}
	if err != nil {
		return false, fmt.Errorf("describe the delivery channel: %w", err)
	}
	return len(out.DeliveryChannels) > 0, nil
}

func judgeRecorder(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	if !configName.MatchString(r.ID) {
		return nil, fmt.Errorf("%q is not the name of a configuration recorder", r.ID)
	}
	var (
		all     []types.ConfigurationRecorderStatus
		channel bool
	)
	err := remediations.InParallel(
		func() (err error) { all, err = recorders(ctx, run.AWS); return err },
		func() (err error) { channel, err = delivers(ctx, run.AWS); return err },
	)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return alert(r, "AWS Config's recorder does not exist any more: no change of a resource is recorded in this Region", strings.Join([]string{
			"# ROLE_ARN is the role that AWS Config reads with; this records all types of resource that are supported:",
			"aws configservice put-configuration-recorder --region " + remediations.Quote(r.Region) + " --configuration-recorder name=" +
				remediations.Quote(r.ID) + ",roleARN=ROLE_ARN --recording-group allSupported=true,includeGlobalResourceTypes=true",
			start(r),
		}, "\n")), nil
	}
	now := named(all, r.ID)
	switch {
	case asked(run, deletedRecorder) && (now == nil || now.LastStartTime == nil):
		return judgeReplaced(r, all), nil
	case now == nil || now.Recording || now.LastStartTime == nil: // another has taken its place; or it was never started
		return nil, nil
	case !channel:
		return alert(r, "AWS Config's recorder is stopped, and has no delivery channel to be started with: no change of a resource is recorded in this Region",
			put(r)+"\n"+start(r)), nil
	}
	return off(r, "AWS Config's recorder is stopped: no change of a resource is recorded in this Region", start(r), stop(r))
}

// judgeReplaced looks at what has taken the place of a recorder that was deleted: one that was never started is not on.
func judgeReplaced(r remediations.Resource, all []types.ConfigurationRecorderStatus) *remediations.Finding {
	if slices.ContainsFunc(all, func(s types.ConfigurationRecorderStatus) bool { return s.Recording }) {
		return nil
	}
	next := r
	next.ID = *all[0].Name
	return alert(r, "AWS Config's recorder was deleted, and the one in its place does not record: no change of a resource is recorded in this Region", start(next))
}

// judgeChannel looks at a channel, of which a Region has one. A recorder can be stopped only before its channel is
// deleted, and that was an event of its own.
// https://docs.aws.amazon.com/config/latest/APIReference/API_DeleteDeliveryChannel.html
func judgeChannel(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	channel, err := delivers(ctx, run.AWS)
	if err != nil || channel {
		return nil, err
	}
	return alert(r, "AWS Config's delivery channel does not exist any more: its recorder can't be started without one", put(r)), nil
}

// named is the recorder of a name; nil if there is none.
func named(all []types.ConfigurationRecorderStatus, name string) *types.ConfigurationRecorderStatus {
	for i := range all {
		if *all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

func recording(ctx context.Context, cfg aws.Config, name string) (on, exists bool, err error) {
	all, err := recorders(ctx, cfg)
	if err != nil {
		return false, false, err
	}
	now := named(all, name)
	return now != nil && now.Recording, now != nil, nil
}

func turnRecorder(ctx context.Context, cfg aws.Config, name string, on bool) error {
	client := configservice.NewFromConfig(cfg)
	if on {
		if _, err := client.StartConfigurationRecorder(ctx, &configservice.StartConfigurationRecorderInput{ConfigurationRecorderName: &name}); err != nil {
			return fmt.Errorf("start configuration recorder %s: %w", name, err)
		}
		return nil
	}
	if _, err := client.StopConfigurationRecorder(ctx, &configservice.StopConfigurationRecorderInput{ConfigurationRecorderName: &name}); err != nil {
		return fmt.Errorf("stop configuration recorder %s: %w", name, err)
	}
	return nil
}

// start, stop and put are AWS CLI commands.
func start(r remediations.Resource) string { return recorder(r, "start-configuration-recorder") }
func stop(r remediations.Resource) string  { return recorder(r, "stop-configuration-recorder") }

func recorder(r remediations.Resource, subcommand string) string {
	return "aws configservice " + subcommand + " --region " + remediations.Quote(r.Region) + " --configuration-recorder-name " + remediations.Quote(r.ID)
}

func put(r remediations.Resource) string {
	return "# BUCKET is the one that its files go to:\n" +
		"aws configservice put-delivery-channel --region " + remediations.Quote(r.Region) + " --delivery-channel name=default,s3BucketName=BUCKET"
}
