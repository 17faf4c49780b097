package moduletest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/knowledge/iam"
)

// names is which parameter of an operation holds the names, ids or ARNs of the resources that IAM checks it on. An
// operation whose action IAM knows no resources of has none.
var names = map[string]string{
	"Auto Scaling.CreateOrUpdateTags":         "Tags.ResourceId",
	"Auto Scaling.DeleteTags":                 "Tags.ResourceId",
	"CloudTrail.GetEventSelectors":            "TrailName",
	"CloudTrail.GetTrail":                     "Name",
	"CloudTrail.GetTrailStatus":               "Name",
	"CloudTrail.StartLogging":                 "Name",
	"CloudTrail.StopLogging":                  "Name",
	"CloudWatch Logs.ListTagsForResource":     "ResourceArn",
	"CloudWatch Logs.TagResource":             "ResourceArn",
	"CloudWatch Logs.UntagResource":           "ResourceArn",
	"DynamoDB.DescribeTable":                  "TableName",
	"DynamoDB.ListTagsOfResource":             "ResourceArn",
	"DynamoDB.TagResource":                    "ResourceArn",
	"DynamoDB.UntagResource":                  "ResourceArn",
	"EC2.AuthorizeSecurityGroupIngress":       "GroupId",
	"EC2.CreateTags":                          "Resources",
	"EC2.DeleteTags":                          "Resources",
	"EC2.DescribeImageAttribute":              "ImageId",
	"EC2.DescribeSnapshotAttribute":           "SnapshotId",
	"EC2.GetManagedPrefixListEntries":         "PrefixListId",
	"EC2.ModifyImageAttribute":                "ImageId",
	"EC2.ModifySnapshotAttribute":             "SnapshotId",
	"EC2.RevokeSecurityGroupIngress":          "GroupId",
	"ECR.ListTagsForResource":                 "ResourceArn",
	"ECR.TagResource":                         "ResourceArn",
	"ECR.UntagResource":                       "ResourceArn",
	"ECS.ListTagsForResource":                 "ResourceArn",
	"ECS.TagResource":                         "ResourceArn",
	"ECS.UntagResource":                       "ResourceArn",
	"EFS.ListTagsForResource":                 "ResourceId",
	"EFS.TagResource":                         "ResourceId",
	"EFS.UntagResource":                       "ResourceId",
	"Elastic Load Balancing v2.AddTags":       "ResourceArns",
	"Elastic Load Balancing v2.RemoveTags":    "ResourceArns",
	"Elastic Load Balancing.AddTags":          "LoadBalancerNames",
	"Elastic Load Balancing.RemoveTags":       "LoadBalancerNames",
	"GuardDuty.GetAdministratorAccount":       "DetectorId",
	"GuardDuty.GetDetector":                   "DetectorId",
	"GuardDuty.GetMembers":                    "DetectorId",
	"GuardDuty.UpdateDetector":                "DetectorId",
	"IAM.AddUserToGroup":                      "GroupName",
	"IAM.AttachGroupPolicy":                   "GroupName",
	"IAM.AttachRolePolicy":                    "RoleName",
	"IAM.AttachUserPolicy":                    "UserName",
	"IAM.DeleteGroupPolicy":                   "GroupName",
	"IAM.DeleteRolePolicy":                    "RoleName",
	"IAM.DeleteUserPolicy":                    "UserName",
	"IAM.DetachGroupPolicy":                   "GroupName",
	"IAM.DetachRolePolicy":                    "RoleName",
	"IAM.DetachUserPolicy":                    "UserName",
	"IAM.GetAccessKeyLastUsed":                "AccessKeyId", // of a user: whose key it is, IAM knows
	"IAM.GetGroupPolicy":                      "GroupName",
	"IAM.GetLoginProfile":                     "UserName",
	"IAM.GetPolicy":                           "PolicyArn",
	"IAM.GetPolicyVersion":                    "PolicyArn",
	"IAM.GetRole":                             "RoleName",
	"IAM.GetRolePolicy":                       "RoleName",
	"IAM.GetUser":                             "UserName",
	"IAM.GetUserPolicy":                       "UserName",
	"IAM.ListAccessKeys":                      "UserName",
	"IAM.ListAttachedGroupPolicies":           "GroupName",
	"IAM.ListAttachedRolePolicies":            "RoleName",
	"IAM.ListAttachedUserPolicies":            "UserName",
	"IAM.ListEntitiesForPolicy":               "PolicyArn",
	"IAM.ListGroupPolicies":                   "GroupName",
	"IAM.ListGroupsForUser":                   "UserName",
	"IAM.ListMFADevices":                      "UserName",
	"IAM.ListPolicyVersions":                  "PolicyArn",
	"IAM.ListRoleTags":                        "RoleName",
	"IAM.ListUserPolicies":                    "UserName",
	"IAM.ListUserTags":                        "UserName",
	"IAM.PutGroupPolicy":                      "GroupName",
	"IAM.PutRolePolicy":                       "RoleName",
	"IAM.PutUserPolicy":                       "UserName",
	"IAM.RemoveUserFromGroup":                 "GroupName",
	"IAM.SetDefaultPolicyVersion":             "PolicyArn",
	"IAM.TagRole":                             "RoleName",
	"IAM.TagUser":                             "UserName",
	"IAM.UntagRole":                           "RoleName",
	"IAM.UntagUser":                           "UserName",
	"IAM.UpdateAccessKey":                     "UserName",
	"IAM.UpdateAssumeRolePolicy":              "RoleName",
	"KMS.CancelKeyDeletion":                   "KeyId",
	"KMS.DescribeKey":                         "KeyId",
	"KMS.DisableKey":                          "KeyId",
	"KMS.DisableKeyRotation":                  "KeyId",
	"KMS.EnableKey":                           "KeyId",
	"KMS.EnableKeyRotation":                   "KeyId",
	"KMS.GetKeyRotationStatus":                "KeyId",
	"KMS.ListResourceTags":                    "KeyId",
	"KMS.ScheduleKeyDeletion":                 "KeyId",
	"KMS.TagResource":                         "KeyId",
	"KMS.UntagResource":                       "KeyId",
	"Lambda.AddPermission":                    "FunctionName",
	"Lambda.GetFunctionUrlConfig":             "FunctionName",
	"Lambda.GetPolicy":                        "FunctionName",
	"Lambda.ListTags":                         "Resource",
	"Lambda.RemovePermission":                 "FunctionName",
	"Lambda.TagResource":                      "Resource",
	"Lambda.UntagResource":                    "Resource",
	"Lambda.UpdateFunctionUrlConfig":          "FunctionName",
	"RDS.AddTagsToResource":                   "ResourceName",
	"RDS.DescribeDBClusterSnapshotAttributes": "DBClusterSnapshotIdentifier",
	"RDS.DescribeDBClusters":                  "DBClusterIdentifier",
	"RDS.DescribeDBInstances":                 "DBInstanceIdentifier",
	"RDS.DescribeDBSnapshotAttributes":        "DBSnapshotIdentifier",
	"RDS.ListTagsForResource":                 "ResourceName",
	"RDS.ModifyDBClusterSnapshotAttribute":    "DBClusterSnapshotIdentifier",
	"RDS.ModifyDBSnapshotAttribute":           "DBSnapshotIdentifier",
	"RDS.RemoveTagsFromResource":              "ResourceName",
	"S3 Control.ListTagsForResource":          "ResourceArn",
	"S3 Control.TagResource":                  "ResourceArn",
	"S3 Control.UntagResource":                "ResourceArn",
	"S3.DeleteBucketPolicy":                   "Bucket",
	"S3.DeletePublicAccessBlock":              "Bucket",
	"S3.GetBucketAcl":                         "Bucket",
	"S3.GetBucketOwnershipControls":           "Bucket",
	"S3.GetBucketPolicy":                      "Bucket",
	"S3.GetBucketPolicyStatus":                "Bucket",
	"S3.GetBucketVersioning":                  "Bucket",
	"S3.GetPublicAccessBlock":                 "Bucket",
	"S3.PutBucketAcl":                         "Bucket",
	"S3.PutBucketPolicy":                      "Bucket",
	"S3.PutBucketVersioning":                  "Bucket",
	"S3.PutPublicAccessBlock":                 "Bucket",
	"SNS.ListTagsForResource":                 "ResourceArn",
	"SNS.TagResource":                         "ResourceArn",
	"SNS.UntagResource":                       "ResourceArn",
	"SQS.ListQueueTags":                       "QueueUrl",
	"SQS.TagQueue":                            "QueueUrl",
	"SQS.UntagQueue":                          "QueueUrl",
	"Secrets Manager.DescribeSecret":          "SecretId",
	"Secrets Manager.TagResource":             "SecretId",
	"Secrets Manager.UntagResource":           "SecretId",
	"SecurityHub.DescribeHub":                 "HubArn",
}

// kinds is the type of resource in an ARN of EC2's, by how ids of it begin.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
var kinds = map[string]string{
	"ami": "image", "eipalloc": "elastic-ip", "eni": "network-interface", "i": "instance", "igw": "internet-gateway",
	"key": "key-pair", "lt": "launch-template", "nat": "natgateway", "rtb": "route-table", "sg": "security-group",
	"sgr": "security-group-rule", "snap": "snapshot", "subnet": "subnet", "tgw": "transit-gateway", "vgw": "vpn-gateway",
	"vol": "volume", "vpc": "vpc", "vpce": "vpc-endpoint",
}

// conditions is the condition keys of an operation, and which parameter gives them their value.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
var conditions = map[string]map[string]string{
	"IAM.AttachUserPolicy": {"iam:policyarn": "PolicyArn"},
	"IAM.DetachUserPolicy": {"iam:policyarn": "PolicyArn"},
}

// keysOf is the condition keys of a call, with their values.
func keysOf(c call) map[string][]string {
	keys := map[string][]string{}
	for key, parameter := range conditions[c.service+"."+c.operation] {
		keys[key] = texts(reflect.ValueOf(c.in).Elem(), parameter)
	}
	return keys
}

// resources is the ARNs that IAM checks a call on, and "*" where it knows no resources of the action. The account is
// the caller's.
func resources(c call, action, account string) ([]string, error) {
	types, err := iam.Types(action)
	if err != nil || len(types) == 0 {
		return []string{"*"}, err
	}
	operation := c.service + "." + c.operation
	parameter, known := names[operation]
	if !known {
		return nil, fmt.Errorf("it is not known which parameter of %s names its resource: add it to remediations/moduletest/rights.go", operation)
	}
	values := texts(reflect.ValueOf(c.in).Elem(), parameter)
	if len(values) == 0 {
		return nil, fmt.Errorf("%s was called without %s", operation, parameter)
	}
	place := strings.NewReplacer("${Partition}", remediations.Partition(c.region), "${Region}", c.region, "${Account}", account)
	for i, value := range values {
		if strings.HasPrefix(value, "arn:") {
			continue
		}
		form := types[0]
		if len(types) > 1 && c.service == "EC2" {
			prefix, _, _ := strings.Cut(value, "-")
			at := slices.IndexFunc(types, func(form string) bool { return strings.Contains(form, ":"+kinds[prefix]+"/") })
			if at < 0 {
				return nil, fmt.Errorf("%s was called on %q, and it is not known what that is: add it to remediations/moduletest/rights.go, and its type to remediations/knowledge/iam/actions.go", operation, value)
			}
			form = types[at]
		}
		if parameter == "QueueUrl" { // https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
			value = value[strings.LastIndex(value, "/")+1:]
		}
		values[i] = name.ReplaceAllLiteralString(place.Replace(form), value)
	}
	return values, nil
}

var name = regexp.MustCompile(`\$\{[^}]*\}`)

// texts is the texts that a parameter holds, a *string or a []string: of "Tags.ResourceId", those of each of the Tags.
func texts(in reflect.Value, parameter string) []string {
	parameter, member, nested := strings.Cut(parameter, ".")
	field := in.FieldByName(parameter)
	if nested {
		var all []string
		for i := range field.Len() {
			all = append(all, texts(field.Index(i), member)...)
		}
		return all
	}
	switch v := field.Interface().(type) {
	case *string:
		if v != nil {
			return []string{*v}
		}
	case []string:
		return slices.Clone(v)
	}
	return nil
}

// permitted: IAM allows each of the play's calls, from one on, by the statements. None of these would allow the same on
// a resource of another type, nor, unless its permission says Why, in another account or Region.
func (k *kit) permitted(p *play, from int, rights []remediations.Statement) error {
	policies, err := k.policies(p, rights)
	if err != nil {
		return err
	}
	for _, c := range p.stage.calls[from:] {
		action, err := engine.IAMAction(c.service, c.operation)
		if err != nil {
			return err
		}
		arns, err := resources(c, action, p.event.Account)
		if err != nil {
			return err
		}
		for _, arn := range arns {
			if err := k.allowed(policies, iam.Request{Action: action, Resource: arn, Keys: keysOf(c)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// allowed: some policy allows the request, and none allows more.
func (k *kit) allowed(policies []*iam.Policy, r iam.Request) error {
	allowed := false
	for i, policy := range policies {
		permission := k.module.Permissions()[i]
		if !policy.Allows(r) {
			continue
		}
		allowed, k.used[permission] = true, true
		for where, arn := range elsewhere(r.Resource) {
			if (permission.Why == "" || where == anotherType) && policy.Allows(iam.Request{Action: r.Action, Resource: arn, Keys: r.Keys}) {
				return fmt.Errorf("%s on %s is needed for %s, and allows %s, %s: narrow it, or say Why", r.Action, permission.Resource, r.Resource, arn, where)
			}
		}
	}
	if !allowed {
		return fmt.Errorf("IAM would refuse %s on %s: no permission is for it", r.Action, r.Resource)
	}
	return nil
}

const anotherType = "of another type"

// elsewhere is the ARN of another resource in each way that IAM can tell it by, by what is different.
func elsewhere(arn string) map[string]string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return nil
	}
	others := map[string]string{}
	for i, other := range map[int]string{3: "elsewhere-1", 4: "000000000000"} {
		if parts[i] != "" {
			changed := slices.Clone(parts)
			changed[i] = other
			others[map[int]string{3: "in another Region", 4: "in another account"}[i]] = strings.Join(changed, ":")
		}
	}
	if _, id, ok := strings.Cut(parts[5], "/"); ok {
		others[anotherType] = strings.Join(parts[:5], ":") + ":other/" + id
	}
	return others
}

// policies is a policy for each statement, as CloudFormation makes it where the event is from.
func (k *kit) policies(p *play, rights []remediations.Statement) ([]*iam.Policy, error) {
	place := strings.NewReplacer("${AWS::Partition}", remediations.Partition(p.event.Region),
		"${AWS::Region}", p.event.Region, "${AWS::AccountId}", p.event.Account)
	var policies []*iam.Policy
	for _, statement := range rights {
		text, err := json.Marshal(remediations.NewPolicy([]remediations.Statement{statement}))
		if err != nil {
			return nil, err
		}
		policy, err := iam.Parse([]byte(place.Replace(string(text))))
		if err != nil {
			return nil, err
		}
		policies = append(policies, policy)
	}
	return policies, nil
}

// everyPermissionIsUsed: what is declared and never needed is a right too many.
func (k *kit) everyPermissionIsUsed() {
	for _, p := range k.module.Permissions() {
		if !k.used[p] {
			k.breach("%s is declared, but no case calls it on %s", p.Action, p.Resource)
		}
	}
}

// everyPermissionIsNarrow: a right is for one type of resource that its action takes, and for * only if it takes none.
func (k *kit) everyPermissionIsNarrow() {
	for _, p := range k.module.Permissions() {
		if err := iam.Narrow(p.Action, p.Resource); err != nil {
			k.breach("%w", err)
		}
	}
}
