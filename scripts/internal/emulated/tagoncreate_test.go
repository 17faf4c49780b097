//go:build emulator

package emulated

import (
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/countermand/countermand/remediations/modules/tagoncreate"
)

// tags is what a resource is tagged with.
type tags map[string]string

// kind is how one kind of resource is created, with the tag Name=data, and which tags it has.
type kind struct {
	create func(t *testing.T, cfg aws.Config, name string) call
	read   func(t *testing.T, cfg aws.Config, id string) tags
	moto   bool // only moto has what that takes
}

var kinds = map[string]kind{
	"volume":    {create: createVolume, read: readVolume},
	"table":     {create: createTable, read: readTable, moto: true}, // ministack knows tables by their names only
	"user":      {create: createUser, read: readUser},
	"key":       {create: createKey, read: readKey},
	"log group": {create: createLogGroup, read: readLogGroup},
	"secret":    {create: createSecret, read: readSecret},
	"topic":     {create: createTopic, read: readTopic},
	"queue":     {create: createQueue, read: readQueue},
	"bucket":    {create: createBucket, read: readBucket, moto: true}, // ministack lists tags in another form than AWS
	"database":  {create: createDatabase, read: readDatabase},
}

func TestTagOnCreate(t *testing.T) {
	for name, k := range kinds {
		t.Run(name+" of moto's", func(t *testing.T) { tagsWhatIsCreated(t, moto(t), k) })
		if !k.moto {
			t.Run(name+" of ministack's", func(t *testing.T) { tagsWhatIsCreated(t, ministack(t), k) })
		}
	}
}

func tagsWhatIsCreated(t *testing.T, cfg aws.Config, k kind) {
	t.Helper()
	ids := []string{k.create(t, cfg, "older").made}
	play(t, scene{
		module: tagoncreate.Module, aws: cfg,
		state: func() any {
			all := map[string]tags{}
			for _, id := range ids {
				all[id] = k.read(t, cfg, id)
			}
			return all
		},
		after: func(at time.Time) any {
			return map[string]tags{
				ids[0]: {"Name": "data"},
				ids[1]: {"Name": "data", "Owner": "Developer/dana", "CreatedBy": "Developer/dana", "CreatedAt": at.UTC().Format(time.RFC3339), "CreatedVia": "cli"},
			}
		},
		call: func() call {
			c := k.create(t, cfg, "newer")
			ids = append(ids, c.made)
			return c
		},
	})
}

// Name is the tag that all have.
const tagKey, tagValue = "Name", "data"

func createVolume(t *testing.T, cfg aws.Config, _ string) call {
	t.Helper()
	id := *must[*ec2.CreateVolumeOutput](t)(ec2.NewFromConfig(cfg).CreateVolume(t.Context(), &ec2.CreateVolumeInput{
		AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(1),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}}}},
	})).VolumeId
	return call{
		source: "ec2.amazonaws.com", name: "CreateVolume", request: `{"size":"1","zone":"us-east-1a","volumeType":"gp3"}`, made: id,
		response: `{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","volumeId":"` + id + `","size":"1","zone":"us-east-1a","status":"creating","volumeType":"gp3"}`,
	}
}

func readVolume(t *testing.T, cfg aws.Config, id string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*ec2.DescribeVolumesOutput](t)(ec2.NewFromConfig(cfg).DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{VolumeIds: []string{id}})).Volumes[0].Tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func createTable(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	arn := *must[*dynamodb.CreateTableOutput](t)(dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dynamotypes.KeyTypeHash}},
		Tags:                 []dynamotypes.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}},
	})).TableDescription.TableArn
	return call{
		source: "dynamodb.amazonaws.com", name: "CreateTable", request: `{"tableName":"` + name + `"}`, made: arn,
		response: `{"tableDescription":{"tableName":"` + name + `","tableStatus":"CREATING","tableArn":"` + arn + `"}}`,
	}
}

func readTable(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*dynamodb.ListTagsOfResourceOutput](t)(dynamodb.NewFromConfig(cfg).ListTagsOfResource(t.Context(), &dynamodb.ListTagsOfResourceInput{ResourceArn: &arn})).Tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func createUser(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	must[*iam.CreateUserOutput](t)(iam.NewFromConfig(cfg).CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: &name, Tags: []iamtypes.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}},
	}))
	return call{
		source: "iam.amazonaws.com", name: "CreateUser", request: `{"userName":"` + name + `"}`, made: name,
		response: `{"user":{"path":"/","userName":"` + name + `","arn":"arn:aws:iam::` + account + `:user/` + name + `"}}`,
	}
}

func readUser(t *testing.T, cfg aws.Config, name string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*iam.ListUserTagsOutput](t)(iam.NewFromConfig(cfg).ListUserTags(t.Context(), &iam.ListUserTagsInput{UserName: &name})).Tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func createKey(t *testing.T, cfg aws.Config, _ string) call {
	t.Helper()
	arn := *must[*kms.CreateKeyOutput](t)(kms.NewFromConfig(cfg).CreateKey(t.Context(), &kms.CreateKeyInput{
		Tags: []kmstypes.Tag{{TagKey: aws.String(tagKey), TagValue: aws.String(tagValue)}},
	})).KeyMetadata.Arn
	return call{
		source: "kms.amazonaws.com", name: "CreateKey", request: `{"keyUsage":"ENCRYPT_DECRYPT"}`, made: arn,
		response: `{"keyMetadata":{"aWSAccountId":"` + account + `","arn":"` + arn + `"}}`,
	}
}

func readKey(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*kms.ListResourceTagsOutput](t)(kms.NewFromConfig(cfg).ListResourceTags(t.Context(), &kms.ListResourceTagsInput{KeyId: &arn})).Tags {
		all[*tag.TagKey] = *tag.TagValue
	}
	return all
}

func createLogGroup(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(cloudwatchlogs.NewFromConfig(cfg).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName: &name, Tags: tags{tagKey: tagValue},
	}))
	return call{
		source: "logs.amazonaws.com", name: "CreateLogGroup", request: `{"logGroupName":"` + name + `"}`,
		made: "arn:aws:logs:us-east-1:" + account + ":log-group:" + name,
	}
}

func readLogGroup(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	return maps.Clone(must[*cloudwatchlogs.ListTagsForResourceOutput](t)(cloudwatchlogs.NewFromConfig(cfg).ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})).Tags)
}

func createSecret(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	arn := *must[*secretsmanager.CreateSecretOutput](t)(secretsmanager.NewFromConfig(cfg).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String("none"), Tags: []secrettypes.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}},
	})).ARN
	return call{source: "secretsmanager.amazonaws.com", name: "CreateSecret", request: `{"name":"` + name + `"}`, made: arn, response: `{"arn":"` + arn + `"}`}
}

func readSecret(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*secretsmanager.DescribeSecretOutput](t)(secretsmanager.NewFromConfig(cfg).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &arn})).Tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func createTopic(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	client := sns.NewFromConfig(cfg)
	arn := *must[*sns.CreateTopicOutput](t)(client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name})).TopicArn
	must[*sns.TagResourceOutput](t)(client.TagResource(t.Context(), &sns.TagResourceInput{
		ResourceArn: &arn, Tags: []snstypes.Tag{{Key: aws.String(tagKey), Value: aws.String(tagValue)}},
	}))
	return call{source: "sns.amazonaws.com", name: "CreateTopic", request: `{"name":"` + name + `"}`, made: arn, response: `{"topicArn":"` + arn + `"}`}
}

func readTopic(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	all := tags{}
	for _, tag := range must[*sns.ListTagsForResourceOutput](t)(sns.NewFromConfig(cfg).ListTagsForResource(t.Context(), &sns.ListTagsForResourceInput{ResourceArn: &arn})).Tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

// createQueue tells of the URL that AWS gives a queue: an emulator's holds its own host.
func createQueue(t *testing.T, cfg aws.Config, name string) call {
	t.Helper()
	must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Tags: tags{tagKey: tagValue}}))
	return call{
		source: "sqs.amazonaws.com", name: "CreateQueue", request: `{"queueName":"` + name + `"}`, made: "arn:aws:sqs:us-east-1:" + account + ":" + name,
		response: `{"queueUrl":"https://sqs.us-east-1.amazonaws.com/` + account + `/` + name + `"}`,
	}
}

func readQueue(t *testing.T, cfg aws.Config, arn string) tags {
	t.Helper()
	name := arn[len("arn:aws:sqs:us-east-1:"+account+":"):]
	url := aws.String("https://sqs.us-east-1.amazonaws.com/" + account + "/" + name)
	return maps.Clone(must[*sqs.ListQueueTagsOutput](t)(sqs.NewFromConfig(cfg).ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: url})).Tags)
}
