package engine

import "fmt"

// IAMAction returns the IAM action that an SDK operation needs. SDK operation, IAM action and CloudTrail event name are
// three different names; only this function maps the first to the second. The service is the SDK's service id. An
// unknown service is an error, as its IAM prefix cannot be guessed.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func IAMAction(service, operation string) (string, error) {
	prefix, ok := iamPrefixes[service]
	if !ok {
		return "", fmt.Errorf("service %q has no IAM prefix in the engine's table", service)
	}
	if action, ok := renamedActions[service+"."+operation]; ok {
		return prefix + ":" + action, nil
	}
	return prefix + ":" + operation, nil
}

// iamPrefixes maps the SDK's service ids to IAM's prefixes.
var iamPrefixes = map[string]string{
	"CloudTrail": "cloudtrail",
	"DynamoDB":   "dynamodb",
	"EC2":        "ec2",
	"ECR":        "ecr",
	"ECS":        "ecs",
	"EFS":        "elasticfilesystem",
	"GuardDuty":  "guardduty",
	"IAM":        "iam",
	"KMS":        "kms",
	"Lambda":     "lambda",
	"RDS":        "rds",
	"S3 Control": "s3",
	"S3":         "s3",
	"SNS":        "sns",
	"SQS":        "sqs",
	"SSM":        "ssm",

	"Auto Scaling":                "autoscaling",
	"CloudWatch Logs":             "logs",
	"Config Service":              "config",
	"Elastic Load Balancing v2":   "elasticloadbalancing",
	"Elastic Load Balancing":      "elasticloadbalancing",
	"Resource Groups Tagging API": "tag",
	"Secrets Manager":             "secretsmanager",
	"SecurityHub":                 "securityhub",
}

// renamedActions holds the operations whose IAM action has another name.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
var renamedActions = map[string]string{
	"S3 Control.DeletePublicAccessBlock": "PutAccountPublicAccessBlock",
	"S3 Control.GetPublicAccessBlock":    "GetAccountPublicAccessBlock",
	"S3 Control.PutPublicAccessBlock":    "PutAccountPublicAccessBlock",
	"S3.DeleteBucketEncryption":          "PutEncryptionConfiguration",
	"S3.DeleteBucketLifecycle":           "PutLifecycleConfiguration",
	"S3.DeleteBucketTagging":             "PutBucketTagging",
	"S3.DeletePublicAccessBlock":         "PutBucketPublicAccessBlock",
	"S3.GetBucketEncryption":             "GetEncryptionConfiguration",
	"S3.GetPublicAccessBlock":            "GetBucketPublicAccessBlock",
	"S3.HeadBucket":                      "ListBucket",
	"S3.ListBuckets":                     "ListAllMyBuckets",
	"S3.ListObjectsV2":                   "ListBucket",
	"S3.PutBucketEncryption":             "PutEncryptionConfiguration",
	"S3.PutPublicAccessBlock":            "PutBucketPublicAccessBlock",
}
