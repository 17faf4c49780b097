package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
)

const (
	trailName = "countermand"

	// undeleteDays is for how long a log that somebody deleted or overwrote can be brought back.
	undeleteDays = 90
)

// trailARN is written out: the bucket's and the key's policies name the trail, which needs them first.
func trailARN() *string {
	return sub("arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/" + trailName)
}

// newTrailStack is a trail of all management events of all Regions, and its bucket. Everything in it
// outlives the stack: logs are evidence.
func newTrailStack(app awscdk.App, c *config.Config) {
	t := c.Trail
	stack := newStack(app, trailStack, "The CloudTrail trail that Countermand hears of API calls from", c)
	bucket := newLogBucket(stack, t)
	policy := newLogBucketPolicy(stack, bucket)
	props := &awscloudtrail.CfnTrailProps{
		TrailName:                  jsii.String(trailName),
		IsLogging:                  true,
		IsMultiRegionTrail:         true,
		IncludeGlobalServiceEvents: true,
		EnableLogFileValidation:    true,
		S3BucketName:               bucket.Ref(),
		AdvancedEventSelectors:     selectors(t.DataEvents, bucket),
	}
	if t.KMS {
		props.KmsKeyId = newLogKey(stack).AttrArn()
	}
	trail := awscloudtrail.NewCfnTrail(stack, jsii.String("Trail"), props)
	trail.AddResourceDependency(policy, nil)
	keep(trail)
	output(stack, "TrailArn", "The trail", trail.AttrArn())
	output(stack, "TrailBucket", "Where its log files are", bucket.Ref())
}

// selectors is what the trail logs. The log bucket's own objects are left out: each log file written would
// else be an event that is logged.
func selectors(dataEvents []config.DataEvents, bucket awss3.CfnBucket) *[]any {
	selector := func(name string, fields ...any) any {
		return &awscloudtrail.CfnTrail_AdvancedEventSelectorProperty{Name: &name, FieldSelectors: &fields}
	}
	equals := func(field, value string) any {
		return &awscloudtrail.CfnTrail_AdvancedFieldSelectorProperty{Field: &field, EqualTo: jsii.Strings(value)}
	}
	list := []any{selector("Management events", equals("eventCategory", "Management"))}
	for _, d := range dataEvents {
		fields := []any{equals("eventCategory", "Data"), equals("resources.type", d.Type)}
		arn := &awscloudtrail.CfnTrail_AdvancedFieldSelectorProperty{Field: jsii.String("resources.ARN")}
		if len(d.ARNs) > 0 {
			arn.StartsWith = jsii.Strings(d.ARNs...)
		}
		if d.Type == config.S3Object {
			arn.NotStartsWith = &[]*string{awscdk.Fn_Join(jsii.String(""), &[]*string{bucket.AttrArn(), jsii.String("/")})}
		}
		if arn.StartsWith != nil || arn.NotStartsWith != nil {
			fields = append(fields, arn)
		}
		list = append(list, selector("Data events of "+d.Type, fields...))
	}
	return &list
}

func newLogBucket(stack awscdk.Stack, t *config.Trail) awss3.CfnBucket {
	props := evidenceBucket(t.ObjectLockDays)
	props.LifecycleConfiguration = &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: &[]any{
		&awss3.CfnBucket_RuleProperty{
			Id:                             jsii.String("expire"),
			Status:                         jsii.String("Enabled"),
			ExpirationInDays:               number(t.RetentionDays),
			NoncurrentVersionExpiration:    &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: number(undeleteDays)},
			AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: number(7)},
		},
		// S3 takes this and an expiration in days only in rules of their own.
		&awss3.CfnBucket_RuleProperty{
			Id: jsii.String("tidy"), Status: jsii.String("Enabled"), ExpiredObjectDeleteMarker: true,
		},
	}}
	bucket := awss3.NewCfnBucket(stack, jsii.String("Logs"), props)
	keep(bucket)
	return bucket
}

// evidenceBucket is a bucket that keeps what is written into it: versioned, locked for some days unless that is 0, and
// closed to the public.
func evidenceBucket(lockDays int) *awss3.CfnBucketProps {
	props := &awss3.CfnBucketProps{
		VersioningConfiguration: &awss3.CfnBucket_VersioningConfigurationProperty{Status: jsii.String("Enabled")},
		PublicAccessBlockConfiguration: &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
			BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
		},
		OwnershipControls: &awss3.CfnBucket_OwnershipControlsProperty{
			Rules: &[]any{&awss3.CfnBucket_OwnershipControlsRuleProperty{ObjectOwnership: jsii.String("BucketOwnerEnforced")}},
		},
		// What the bucket does with what comes without a key, such as the digests of log file validation.
		BucketEncryption: &awss3.CfnBucket_BucketEncryptionProperty{
			ServerSideEncryptionConfiguration: &[]any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
				ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: jsii.String("AES256")},
			}},
		},
	}
	if lockDays > 0 {
		props.ObjectLockEnabled = true
		props.ObjectLockConfiguration = &awss3.CfnBucket_ObjectLockConfigurationProperty{
			ObjectLockEnabled: jsii.String("Enabled"),
			Rule: &awss3.CfnBucket_ObjectLockRuleProperty{DefaultRetention: &awss3.CfnBucket_DefaultRetentionProperty{
				// Compliance mode can't be undone, not even by AWS.
				Mode: jsii.String("GOVERNANCE"),
				Days: number(lockDays),
			}},
		}
	}
	return props
}

// onlyTLS is the statements of a bucket's policy that let nobody in without TLS 1.2.
func onlyTLS(bucket awss3.CfnBucket) []any {
	deny := func(sid, operator, key, value string) any {
		return map[string]any{
			"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
			"Resource":  []any{bucket.AttrArn(), within(bucket, "*")},
			"Condition": map[string]any{operator: map[string]any{key: value}},
		}
	}
	return []any{
		deny("OnlyTLS", "Bool", "aws:SecureTransport", "false"),
		deny("OnlyTLS12", "NumericLessThan", "s3:TlsVersion", "1.2"),
	}
}

// within is the ARN of what a bucket holds below a path.
func within(bucket awss3.CfnBucket, path string) *string {
	return awscdk.Fn_Sub(jsii.String("${Bucket}/"+path), &map[string]*string{"Bucket": bucket.AttrArn()})
}

// newLogBucketPolicy lets this trail write, and nobody in without TLS 1.2.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
func newLogBucketPolicy(stack awscdk.Stack, bucket awss3.CfnBucket) awss3.CfnBucketPolicy {
	cloudTrail := func(sid, action string, resource *string, condition map[string]any) any {
		return map[string]any{
			"Sid": sid, "Effect": "Allow", "Principal": map[string]any{"Service": "cloudtrail.amazonaws.com"},
			"Action": action, "Resource": resource, "Condition": map[string]any{"StringEquals": condition},
		}
	}
	policy := awss3.NewCfnBucketPolicy(stack, jsii.String("LogsPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: bucket.Ref(),
		PolicyDocument: policy(append([]any{
			cloudTrail("TrailLooks", "s3:GetBucketAcl", bucket.AttrArn(), map[string]any{"aws:SourceArn": trailARN()}),
			cloudTrail("TrailWrites", "s3:PutObject", within(bucket, "AWSLogs/${AWS::AccountId}/*"), map[string]any{
				"aws:SourceArn": trailARN(), "s3:x-amz-acl": "bucket-owner-full-control",
			}),
		}, onlyTLS(bucket)...)...),
	})
	keep(policy)
	return policy
}

// newLogKey is a key that this trail encrypts with, and that the account's IAM policies let people decrypt
// with.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
func newLogKey(stack awscdk.Stack) awskms.CfnKey {
	cloudTrail := func(sid, action string, condition map[string]any) any {
		return map[string]any{
			"Sid": sid, "Effect": "Allow", "Principal": map[string]any{"Service": "cloudtrail.amazonaws.com"},
			"Action": action, "Resource": "*", "Condition": condition,
		}
	}
	thisTrail := map[string]any{"aws:SourceArn": trailARN()}
	key := awskms.NewCfnKey(stack, jsii.String("Key"), &awskms.CfnKeyProps{
		Description:         jsii.String("Countermand: encrypts CloudTrail logs"),
		EnableKeyRotation:   true,
		PendingWindowInDays: number(30),
		KeyPolicy: policy(
			// Without it nobody could ever change the key again. In a key's policy, * is the key itself.
			map[string]any{
				"Sid": "Account", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
				"Principal": map[string]any{"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
			},
			cloudTrail("TrailEncrypts", "kms:GenerateDataKey*", map[string]any{
				"StringEquals": thisTrail,
				"StringLike": map[string]any{
					"kms:EncryptionContext:aws:cloudtrail:arn": sub("arn:${AWS::Partition}:cloudtrail:*:${AWS::AccountId}:trail/*"),
				},
			}),
			cloudTrail("TrailLooks", "kms:DescribeKey", map[string]any{"StringEquals": thisTrail}),
		),
	})
	keep(key)
	return key
}
