//go:build emulator

package emulated

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations/modules/tagoncreate"
)

func createBucket(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	client := s3.NewFromConfig(cfg)
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}))
	must[*s3.PutBucketTaggingOutput](t)(client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{
		Bucket: &name, Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}}},
	}))
	return call{
		source: "s3.amazonaws.com", name: "CreateBucket", made: name,
		request: `{"bucketName":"` + name + `","Host":"` + name + `.s3.us-east-1.amazonaws.com"}`,
	}
}

func readBucket(t *testing.T, cfg aws.Config, name string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*s3.GetBucketTaggingOutput](t)(s3.NewFromConfig(cfg).GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})).TagSet {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func createDatabase(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	arn := *must[*rds.CreateDBInstanceOutput](t)(rds.NewFromConfig(cfg).CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &name, Engine: aws.String("postgres"), DBInstanceClass: aws.String("db.t3.micro"), AllocatedStorage: aws.Int32(20),
		MasterUsername: aws.String("owner"), MasterUserPassword: aws.String("not-a-secret-1"),
		Tags: []rdstypes.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}},
	})).DBInstance.DBInstanceArn
	return call{
		source: "rds.amazonaws.com", name: "CreateDBInstance", request: `{"dBInstanceIdentifier":"` + name + `"}`, made: arn,
		response: `{"dBInstanceIdentifier":"` + name + `","dBInstanceStatus":"creating","dBInstanceArn":"` + arn + `"}`,
	}
}

func readDatabase(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*rds.ListTagsForResourceOutput](t)(rds.NewFromConfig(cfg).ListTagsForResource(t.Context(), &rds.ListTagsForResourceInput{ResourceName: &arn})).TagList {
		all[*tag.Key] = *tag.Value
	}
	return all
}

// An instance comes with a volume and a network interface, which are tagged with it.
func TestTagOnCreateInstance(t *testing.T) {
	cfg := moto(t)
	client := ec2.NewFromConfig(cfg)
	image := must[*ec2.RegisterImageOutput](t)(client.RegisterImage(t.Context(), &ec2.RegisterImageInput{Name: aws.String("web")})).ImageId
	launch := func() string {
		return *must[*ec2.RunInstancesOutput](t)(client.RunInstances(t.Context(), &ec2.RunInstancesInput{
			ImageId: image, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeT3Nano,
			// What AWS does without being asked.
			NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), DeleteOnTermination: aws.Bool(true)}},
		})).Instances[0].InstanceId
	}
	// tagged is the tags of instances and of what came with them, an entry for each thing, sorted.
	tagged := func(ids ...string) []string {
		var all []string
		for _, id := range ids {
			out := must[*ec2.DescribeInstancesOutput](t)(client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))
			instance := out.Reservations[0].Instances[0]
			things := []string{id}
			for _, v := range instance.BlockDeviceMappings {
				things = append(things, *v.Ebs.VolumeId)
			}
			for _, n := range instance.NetworkInterfaces {
				things = append(things, *n.NetworkInterfaceId)
			}
			for _, thing := range things {
				all = append(all, thing)
				for _, tag := range must[*ec2.DescribeTagsOutput](t)(client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{{Name: aws.String("resource-id"), Values: []string{thing}}}})).Tags {
					all = append(all, thing+" "+*tag.Key+"="+*tag.Value)
				}
			}
		}
		slices.Sort(all)
		return all
	}
	ids := []string{launch()}
	neighbours := tagged(ids...)
	var things []string
	play(t, scene{
		module: tagoncreate.Module, aws: cfg,
		state: func() any { return tagged(ids...) },
		after: func(at time.Time) any {
			all := slices.Clone(neighbours)
			for _, thing := range things {
				all = append(all, thing, thing+" CreatedAt="+at.UTC().Format(time.RFC3339), thing+" CreatedBy=Developer/dana",
					thing+" CreatedVia=cli", thing+" Owner=Developer/dana")
			}
			slices.Sort(all)
			return all
		},
		call: func() call {
			id := launch()
			ids, things = append(ids, id), tagged(id)
			if len(things) != 3 {
				t.Fatalf("an instance came with %v", things)
			}
			return call{
				source: "ec2.amazonaws.com", name: "RunInstances", made: id,
				request:  `{"instancesSet":{"items":[{"imageId":"` + *image + `","minCount":1,"maxCount":1}]},"instanceType":{"value":"t3.nano"}}`,
				response: `{"reservationId":"r-0a1b2c3d4e5f60001","ownerId":"` + account + `","instancesSet":{"items":[{"instanceId":"` + id + `","imageId":"` + *image + `"}]}}`,
			}
		},
	})
}
