//go:build emulator

package emulated

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations/tagoncreate"
)

func TestTagOnCreate(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		client := ec2.NewFromConfig(cfg)
		create := func() string {
			return *must[*ec2.CreateVolumeOutput](t)(client.CreateVolume(t.Context(), &ec2.CreateVolumeInput{
				AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(1),
				TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("data")}}}},
			})).VolumeId
		}
		old, made := create(), ""
		type tags = map[string]string
		play(t, scene{
			module: tagoncreate.Module, aws: cfg,
			state: func() any {
				all := map[string]tags{}
				for _, tag := range must[*ec2.DescribeTagsOutput](t)(client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{})).Tags {
					if all[*tag.ResourceId] == nil {
						all[*tag.ResourceId] = tags{}
					}
					all[*tag.ResourceId][*tag.Key] = *tag.Value
				}
				return all
			},
			after: func(at time.Time) any {
				return map[string]tags{
					old:  {"Name": "data"},
					made: {"Name": "data", "CreatedAt": at.UTC().Format(time.RFC3339), "CreatedBy": "Developer/dana", "CreatedVia": "cli"},
				}
			},
			call: func() call {
				made = create()
				return call{
					source: "ec2.amazonaws.com", name: "CreateVolume", request: `{"size":"1","zone":"us-east-1a","volumeType":"gp3"}`, made: made,
					response: `{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","volumeId":"` + made + `","size":"1","zone":"us-east-1a","status":"creating","volumeType":"gp3"}`,
				}
			},
		})
	})
}
