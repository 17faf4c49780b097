package main

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
)

const (
	// The two halves of the ledger: functions, and what belongs to each.
	ledgerWrite  = "countermand-ledger-write"
	ledgerDigest = "countermand-ledger-digest"

	ledgerAlias = "alias/countermand-ledger"

	// streamRetries is how often a change that can't be written is tried again. Each bisection counts as well.
	// What comes behind it in its shard waits as long.
	streamRetries = 30
)

// halfOfLedger is one of the two functions, with a role, log and failure queue of its own: neither has the other's
// rights, and no module's function has any right here.
type halfOfLedger struct {
	scope    constructs.Construct
	name     string
	role     awsiam.CfnRole
	log      awslogs.CfnLogGroup
	queue    awssqs.CfnQueue
	function awslambda.CfnFunction
}

// newLedger adds what keeps records where a change in them is seen: bucket, key, and the two functions that write.
// code is the asset of functions/ledger.
func newLedger(stack awscdk.Stack, s *shared, code string) {
	scope := constructs.NewConstruct(stack, jsii.String("Ledger"))
	asset := awss3assets.NewAsset(scope, jsii.String("Code"), &awss3assets.AssetProps{Path: &code})
	bucket := newRecordBucket(scope, s.config)
	stream := sub("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/" + runTable + "/stream/*")
	write := newHalf(scope, s, "Write", ledgerWrite,
		allow("RecordPut", "s3:PutObject", within(bucket, "records/*")),
		allow("StreamDescribe", "dynamodb:DescribeStream", stream),
		allow("StreamIterate", "dynamodb:GetShardIterator", stream),
		allow("StreamGet", "dynamodb:GetRecords", stream),
		allow("StreamList", "dynamodb:ListStreams", stream),
	)
	// The right to sign is in the key's policy.
	digest := newHalf(scope, s, "Digest", ledgerDigest,
		allow("List", "s3:ListBucket", bucket.AttrArn()),
		allow("RecordGet", "s3:GetObject", within(bucket, "records/*")),
		allow("DigestGet", "s3:GetObject", within(bucket, "digests/*")),
		allow("DigestPut", "s3:PutObject", within(bucket, "digests/*")),
	)
	newRecordBucketPolicy(scope, bucket, write.role, digest.role)
	key := newSigningKey(scope, digest.role)
	write.run(s, asset, 60, map[string]*string{"COUNTERMAND_LEDGER": jsii.String("write"), "COUNTERMAND_BUCKET": bucket.Ref()})
	digest.run(s, asset, 900, map[string]*string{
		"COUNTERMAND_LEDGER":         jsii.String("digest"),
		"COUNTERMAND_BUCKET":         bucket.Ref(),
		"COUNTERMAND_ACCOUNT":        awscdk.Aws_ACCOUNT_ID(),
		"COUNTERMAND_KEY":            key.AttrArn(),
		"COUNTERMAND_RETENTION_DAYS": jsii.String(strconv.Itoa(s.config.RunRetentionDays)),
	})
	followTable(write, s)
	eachHour(digest)
	newAlarms(write.scope, s, writeAlarms()...)
	newAlarms(digest.scope, s, digestAlarms()...)
	output(stack, "Failuresledgerwrite", "Records that could not be written", write.queue.Ref())
	output(stack, "Failuresledgerdigest", "Hours in which no digest could be made", digest.queue.Ref())
	output(stack, "RecordBucket", "Where records and digests are kept", bucket.Ref())
	output(stack, "RecordKey", "What digests are signed with; countermand verify needs its public key", key.AttrArn())
}

// newHalf is one half without its function: what the bucket's and the key's policies name is there before it runs.
func newHalf(scope constructs.Construct, s *shared, id, name string, rights ...any) *halfOfLedger {
	h := &halfOfLedger{scope: constructs.NewConstruct(scope, &id), name: name}
	h.log = newLogGroup(h.scope, s.config, name)
	h.queue = newFailureQueue(h.scope, name)
	h.role = newRole(h.scope, "Countermand's ledger: "+strings.ToLower(id), &awsiam.CfnRole_PolicyProperty{
		PolicyName: jsii.String("ledger"), PolicyDocument: policy(append(rights, functionRights(h.log, h.queue)...)...),
	})
	return h
}

// run adds the function. timeout is in seconds.
func (h *halfOfLedger) run(s *shared, asset awss3assets.Asset, timeout int, variables map[string]*string) {
	variables["AWS_SDK_UA_APP_ID"] = &h.name
	h.function = awslambda.NewCfnFunction(h.scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		FunctionName:  &h.name,
		Description:   jsii.String("keep records where a change in them is seen: " + *variables["COUNTERMAND_LEDGER"]),
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Architectures: jsii.Strings(lambdaArchitecture(s.config.Architecture)),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: asset.S3BucketName(), S3Key: asset.S3ObjectKey()},
		Role:          h.role.AttrArn(),
		MemorySize:    number(256),
		Timeout:       number(timeout),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: variables},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: h.log.Ref()},
	})
}

// followTable has the run table's stream call the function. A batch with a change that can't be written is cut in
// two until that is alone, tried again, and then named in the failure queue: it must neither hold up the others for
// ever nor get lost unseen.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
func followTable(h *halfOfLedger, s *shared) {
	newFailureQueuePolicy(h.scope, h.queue)
	awslambda.NewCfnEventSourceMapping(h.scope, jsii.String("Stream"), &awslambda.CfnEventSourceMappingProps{
		FunctionName:               h.function.Ref(),
		EventSourceArn:             s.table.AttrStreamArn(),
		StartingPosition:           jsii.String("TRIM_HORIZON"),
		BatchSize:                  number(100),
		BisectBatchOnFunctionError: true,
		MaximumRetryAttempts:       number(streamRetries),
		FunctionResponseTypes:      jsii.Strings("ReportBatchItemFailures"),
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: h.queue.AttrArn()},
		},
	})
}

// eachHour has a rule call the function a quarter past each hour. The writer may then not be at work any more on what
// belongs to the hour before: it lives for a minute.
func eachHour(h *halfOfLedger) {
	ready := handOver(h.scope, h.function, h.queue, h.name)
	rule := awsevents.NewCfnRule(h.scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:               &h.name,
		Description:        jsii.String("makes and signs the digest of the hour that is over"),
		ScheduleExpression: jsii.String("cron(15 * * * ? *)"),
		State:              jsii.String("ENABLED"),
		Targets:            []any{target(h.function, h.queue)},
	})
	for _, first := range ready {
		rule.AddResourceDependency(first, nil)
	}
}

// newRecordBucket is where records and digests are kept. Records expire; digests, some kilobytes a day, stay, so that
// the chain can be followed back to its beginning. Its name is plain text where account and Region are known: then a
// later deployment can take it over.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
func newRecordBucket(scope constructs.Construct, c *config.Config) awss3.CfnBucket {
	props := evidenceBucket(c.Ledger.LockDays)
	stack := awscdk.Stack_Of(scope)
	props.BucketName = jsii.String("countermand-records-" + *stack.Account() + "-" + *stack.Region())
	props.LifecycleConfiguration = &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: &[]any{
		&awss3.CfnBucket_RuleProperty{
			Id:                          jsii.String("expire"),
			Status:                      jsii.String("Enabled"),
			Prefix:                      jsii.String("records/"),
			ExpirationInDays:            number(c.RunRetentionDays),
			NoncurrentVersionExpiration: &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: number(undeleteDays)},
		},
		// S3 takes this and an expiration in days only in rules of their own.
		&awss3.CfnBucket_RuleProperty{
			Id: jsii.String("tidy"), Status: jsii.String("Enabled"), Prefix: jsii.String("records/"), ExpiredObjectDeleteMarker: true,
		},
	}}
	bucket := awss3.NewCfnBucket(scope, jsii.String("Records"), props)
	keep(bucket)
	return bucket
}

// newRecordBucketPolicy lets each half write its own part, nobody else write at all, and nobody in without TLS 1.2. The
// functions of this stack can't change it: one of a module that mends buckets' policies could let itself in.
func newRecordBucketPolicy(scope constructs.Construct, bucket awss3.CfnBucket, write, digest awsiam.CfnRole) {
	only := func(sid, path string, role awsiam.CfnRole) any {
		return map[string]any{
			"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": within(bucket, path),
			"Condition": map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": role.AttrArn()}},
		}
	}
	awss3.NewCfnBucketPolicy(scope, jsii.String("RecordsPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: bucket.Ref(),
		PolicyDocument: policy(append([]any{
			only("OnlyWriteWritesRecords", "records/*", write),
			only("OnlyDigestWritesDigests", "digests/*", digest),
			map[string]any{
				"Sid": "NoFunctionChangesThis", "Effect": "Deny", "Principal": "*",
				"Action": []any{"s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}, "Resource": bucket.AttrArn(),
				// CloudFormation puts the stack's name before that of each role.
				"Condition": map[string]any{"ArnLike": map[string]any{
					"aws:PrincipalArn": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/" + mainStack + "-*"),
				}},
			},
		}, onlyTLS(bucket)...)...),
	})
}

// newSigningKey is a key with which only one role may sign: not even an administrator, before changing its policy,
// which CloudTrail reports. It outlives the stack, as its public key does; without it nothing can be added.
func newSigningKey(scope constructs.Construct, role awsiam.CfnRole) awskms.CfnKey {
	key := awskms.NewCfnKey(scope, jsii.String("Key"), &awskms.CfnKeyProps{
		Description:         jsii.String("Countermand: signs the digests of its records"),
		KeySpec:             jsii.String("ECC_NIST_P256"),
		KeyUsage:            jsii.String("SIGN_VERIFY"),
		PendingWindowInDays: number(30),
		KeyPolicy: policy(
			// Without it nobody could ever change the key again. In a key's policy, * is the key itself.
			map[string]any{
				"Sid": "Account", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
				"Principal": map[string]any{"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
			},
			map[string]any{
				"Sid": "DigestSigns", "Effect": "Allow", "Action": "kms:Sign", "Resource": "*",
				"Principal": map[string]any{"AWS": role.AttrArn()},
			},
			map[string]any{
				"Sid": "NobodyElseSigns", "Effect": "Deny", "Action": "kms:Sign", "Resource": "*", "Principal": "*",
				"Condition": map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": role.AttrArn()}},
			},
		),
	})
	keep(key)
	awskms.NewCfnAlias(scope, jsii.String("Alias"), &awskms.CfnAliasProps{AliasName: jsii.String(ledgerAlias), TargetKeyId: key.Ref()})
	return key
}

func writeAlarms() []alarm {
	log := logGroupName(ledgerWrite)
	return []alarm{
		unhandled(ledgerWrite, "What happened: a run's record could not be written into the bucket, after every retry, so that no digest proves it. "+
			"What to do: the log "+log+" names the run; keep what countermand run prints of it, mend the cause, and delete the message in the queue "+queueName(ledgerWrite)+"."),
		lambdaAlarm(ledgerWrite, "errors", "Errors", "What happened: the run table's stream could not be dealt with, and is tried again. "+
			"What to do: if the alarm "+ledgerWrite+"-unhandled follows, do what it says; if it does not, a retry has made it good. The log "+log+" says why."),
		{id: "late", name: ledgerWrite + "-late", namespace: "AWS/Lambda", metric: "IteratorAge", dimension: "FunctionName", value: ledgerWrite,
			above: lateMillis, text: "What happened: records reach the bucket more than a quarter of an hour late, or not at all. " +
				"What to do: see in the log " + log + " what fails; the stream keeps what is not written for a day."},
	}
}

// lateMillis is the age of a change in the run table, in milliseconds, that is not in the bucket yet.
const lateMillis = 15 * 60 * 1000

func digestAlarms() []alarm {
	log := logGroupName(ledgerDigest)
	metric := func(id, metric, text string) alarm {
		return alarm{id: id, name: ledgerDigest + "-" + id, namespace: "Countermand", metric: metric, dimension: "Module", value: "ledger", text: text}
	}
	missing := metric("missing", "Digests", "What happened: no digest was made for two hours, so that the records of this time are not proven. Right after the first deployment "+
		"this is expected, until a quarter past the next full hour. "+
		"What to do: see in the log "+log+" what fails; the digests are made up for once that is mended. See whether somebody has disabled the rule or the key.")
	missing.absent = true
	return []alarm{
		unhandled(ledgerDigest, "What happened: the digest of an hour could not be made, after every retry. "+
			"What to do: see in the log "+log+" why, and mend that; the next hour makes up for it. Then delete the message in the queue "+queueName(ledgerDigest)+"."),
		lambdaAlarm(ledgerDigest, "errors", "Errors", "What happened: digests could not be made, and are tried again after one and after two minutes, and in the next hour. "+
			"What to do: see in the log "+log+" why, if it goes on."),
		missing,
		metric("began", "Began", "What happened: a chain of digests has begun. That is expected once, after the first deployment. "+
			"What to do: if it happens again, the digests before were removed: find out from CloudTrail who deleted objects of the bucket that keeps the records; its versions are still there."),
	}
}
