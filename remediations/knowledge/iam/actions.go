package iam

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The types of resources that IAM checks actions on, by the forms of their ARNs.
const (
	adapter         = "arn:${Partition}:ec2:${Region}:${Account}:network-interface/${NetworkInterfaceId}"
	address         = "arn:${Partition}:ec2:${Region}:${Account}:elastic-ip/${AllocationId}"
	balancer        = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/${LoadBalancerName}"
	bucket          = "arn:${Partition}:s3:::${BucketName}"
	cluster         = "arn:${Partition}:rds:${Region}:${Account}:cluster:${DbClusterInstanceName}"
	database        = "arn:${Partition}:rds:${Region}:${Account}:db:${DbInstanceName}"
	dbCluster       = "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:${ClusterSnapshotName}"
	dbSnapshot      = "arn:${Partition}:rds:${Region}:${Account}:snapshot:${SnapshotName}"
	detector        = "arn:${Partition}:guardduty:${Region}:${Account}:detector/${DetectorId}"
	endpoint        = "arn:${Partition}:ec2:${Region}:${Account}:vpc-endpoint/${VpcEndpointId}"
	ecsCluster      = "arn:${Partition}:ecs:${Region}:${Account}:cluster/${ClusterName}"
	fileSystem      = "arn:${Partition}:elasticfilesystem:${Region}:${Account}:file-system/${FileSystemId}"
	function        = "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}"
	group           = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"
	hub             = "arn:${Partition}:securityhub:${Region}:${Account}:hub/default"
	image           = "arn:${Partition}:ec2:${Region}::image/${ImageId}"
	instance        = "arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}"
	internetGateway = "arn:${Partition}:ec2:${Region}:${Account}:internet-gateway/${InternetGatewayId}"
	kmsKey          = "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}"
	keyPair         = "arn:${Partition}:ec2:${Region}:${Account}:key-pair/${KeyPairName}"
	launchTemplate  = "arn:${Partition}:ec2:${Region}:${Account}:launch-template/${LaunchTemplateId}"
	natGateway      = "arn:${Partition}:ec2:${Region}:${Account}:natgateway/${NatGatewayId}"
	parameter       = "arn:${Partition}:ssm:${Region}:${Account}:parameter/${ParameterNameWithoutLeadingSlash}"
	policy          = "arn:${Partition}:iam::${Account}:policy/${PolicyNameWithPath}"
	prefixList      = "arn:${Partition}:ec2:${Region}:${Account}:prefix-list/${PrefixListId}"
	queue           = "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"
	repository      = "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}"
	role            = "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"
	routeTable      = "arn:${Partition}:ec2:${Region}:${Account}:route-table/${RouteTableId}"
	scalingGroup    = "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:${GroupId}:autoScalingGroupName/${GroupFriendlyName}"
	secGroup        = "arn:${Partition}:ec2:${Region}:${Account}:security-group/${SecurityGroupId}"
	secret          = "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:${SecretId}"
	sgRule          = "arn:${Partition}:ec2:${Region}:${Account}:security-group-rule/${SecurityGroupRuleId}"
	snapshot        = "arn:${Partition}:ec2:${Region}::snapshot/${SnapshotId}"
	subnet          = "arn:${Partition}:ec2:${Region}:${Account}:subnet/${SubnetId}"
	table           = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"
	targetGroup     = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:targetgroup/${TargetGroupName}/${TargetGroupId}"
	team            = "arn:${Partition}:iam::${Account}:group/${GroupNameWithPath}"
	topic           = "arn:${Partition}:sns:${Region}:${Account}:${TopicName}"
	trail           = "arn:${Partition}:cloudtrail:${Region}:${Account}:trail/${TrailName}"
	transitGateway  = "arn:${Partition}:ec2:${Region}:${Account}:transit-gateway/${TransitGatewayId}"
	user            = "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"
	volume          = "arn:${Partition}:ec2:${Region}:${Account}:volume/${VolumeId}"
	vpc             = "arn:${Partition}:ec2:${Region}:${Account}:vpc/${VpcId}"
	vpnGateway      = "arn:${Partition}:ec2:${Region}:${Account}:vpn-gateway/${VpnGatewayId}"
)

// actions is every action that a role of ours may have, with the types of resources that it takes: all of them, or of
// those of a service that tags dozens the ones that we name. None: IAM can't narrow it down, and its resource is *.
// Each service has a page: "Actions defined by" it, columns "Resource types", and "Resource types defined by" it.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var actions = map[string][]string{
	"autoscaling:CreateOrUpdateTags":             {scalingGroup},
	"autoscaling:DeleteTags":                     {scalingGroup},
	"autoscaling:DescribeAutoScalingGroups":      nil,
	"cloudtrail:GetEventSelectors":               {trail},
	"cloudtrail:GetTrail":                        {trail},
	"cloudtrail:GetTrailStatus":                  {trail},
	"cloudtrail:ListTrails":                      nil,
	"cloudtrail:StartLogging":                    {trail},
	"cloudtrail:StopLogging":                     {trail},
	"config:DescribeConfigurationRecorderStatus": nil,
	"config:DescribeDeliveryChannels":            nil,
	"config:StartConfigurationRecorder":          nil,
	"config:StopConfigurationRecorder":           nil,
	"dynamodb:DescribeTable":                     {table},
	"dynamodb:GetItem":                           {table},
	"dynamodb:ListTagsOfResource":                {table},
	"dynamodb:PutItem":                           {table},
	"dynamodb:TagResource":                       {table},
	"dynamodb:UntagResource":                     {table},
	"dynamodb:UpdateItem":                        {table},
	"ec2:AuthorizeSecurityGroupIngress":          {secGroup},
	"ec2:CreateTags": {
		adapter, address, endpoint, image, instance, internetGateway, keyPair, launchTemplate, natGateway,
		routeTable, secGroup, sgRule, snapshot, subnet, transitGateway, volume, vpc, vpnGateway,
	},
	"ec2:DeleteTags": {
		adapter, address, endpoint, image, instance, internetGateway, keyPair, launchTemplate, natGateway,
		routeTable, secGroup, snapshot, subnet, transitGateway, volume, vpc, vpnGateway,
	},
	"ec2:DescribeImageAttribute":              {image},
	"ec2:DescribeImages":                      nil,
	"ec2:DescribeInstances":                   nil,
	"ec2:DescribeSecurityGroupRules":          nil,
	"ec2:DescribeSnapshotAttribute":           {snapshot},
	"ec2:DescribeSnapshots":                   nil,
	"ec2:DescribeTags":                        nil,
	"ec2:DescribeVolumes":                     nil,
	"ec2:GetManagedPrefixListEntries":         {prefixList},
	"ec2:GetSnapshotBlockPublicAccessState":   nil,
	"ec2:ModifyImageAttribute":                {image},
	"ec2:ModifySnapshotAttribute":             {snapshot},
	"ec2:RevokeSecurityGroupIngress":          {secGroup},
	"ecr:ListTagsForResource":                 {repository},
	"ecr:TagResource":                         {repository},
	"ecr:UntagResource":                       {repository},
	"ecs:ListTagsForResource":                 {ecsCluster},
	"ecs:TagResource":                         {ecsCluster},
	"ecs:UntagResource":                       {ecsCluster},
	"elasticfilesystem:ListTagsForResource":   {fileSystem},
	"elasticfilesystem:TagResource":           {fileSystem},
	"elasticfilesystem:UntagResource":         {fileSystem},
	"elasticloadbalancing:AddTags":            {balancer, targetGroup},
	"elasticloadbalancing:DescribeTags":       nil,
	"elasticloadbalancing:RemoveTags":         {balancer, targetGroup},
	"guardduty:GetAdministratorAccount":       {detector},
	"guardduty:GetDetector":                   {detector},
	"guardduty:GetMembers":                    {detector},
	"guardduty:ListDetectors":                 nil,
	"guardduty:UpdateDetector":                {detector},
	"iam:AddUserToGroup":                      {team},
	"iam:AttachGroupPolicy":                   {team},
	"iam:AttachRolePolicy":                    {role},
	"iam:AttachUserPolicy":                    {user},
	"iam:DeleteGroupPolicy":                   {team},
	"iam:DeleteRolePolicy":                    {role},
	"iam:DeleteUserPolicy":                    {user},
	"iam:DetachGroupPolicy":                   {team},
	"iam:DetachRolePolicy":                    {role},
	"iam:DetachUserPolicy":                    {user},
	"iam:GetAccessKeyLastUsed":                {user},
	"iam:GetAccountSummary":                   nil,
	"iam:GetGroupPolicy":                      {team},
	"iam:GetLoginProfile":                     {user},
	"iam:GetPolicy":                           {policy},
	"iam:GetPolicyVersion":                    {policy},
	"iam:GetRole":                             {role},
	"iam:GetRolePolicy":                       {role},
	"iam:GetUser":                             {user},
	"iam:GetUserPolicy":                       {user},
	"iam:ListAccessKeys":                      {user},
	"iam:ListAttachedGroupPolicies":           {team},
	"iam:ListAttachedRolePolicies":            {role},
	"iam:ListAttachedUserPolicies":            {user},
	"iam:ListEntitiesForPolicy":               {policy},
	"iam:ListGroupPolicies":                   {team},
	"iam:ListGroupsForUser":                   {user},
	"iam:ListMFADevices":                      {user},
	"iam:ListPolicyVersions":                  {policy},
	"iam:ListRoleTags":                        {role},
	"iam:ListRoles":                           nil,
	"iam:ListUserPolicies":                    {user},
	"iam:ListUserTags":                        {user},
	"iam:ListUsers":                           nil,
	"iam:PutGroupPolicy":                      {team},
	"iam:PutRolePolicy":                       {role},
	"iam:PutUserPolicy":                       {user},
	"iam:RemoveUserFromGroup":                 {team},
	"iam:SetDefaultPolicyVersion":             {policy},
	"iam:TagRole":                             {role},
	"iam:TagUser":                             {user},
	"iam:UntagRole":                           {role},
	"iam:UntagUser":                           {user},
	"iam:UpdateAccessKey":                     {user},
	"iam:UpdateAssumeRolePolicy":              {role},
	"kms:CancelKeyDeletion":                   {kmsKey},
	"kms:DescribeKey":                         {kmsKey},
	"kms:DisableKey":                          {kmsKey},
	"kms:DisableKeyRotation":                  {kmsKey},
	"kms:EnableKey":                           {kmsKey},
	"kms:EnableKeyRotation":                   {kmsKey},
	"kms:GetKeyRotationStatus":                {kmsKey},
	"kms:ListAliases":                         nil,
	"kms:ListKeys":                            nil,
	"kms:ListResourceTags":                    {kmsKey},
	"kms:ScheduleKeyDeletion":                 {kmsKey},
	"kms:TagResource":                         {kmsKey},
	"kms:UntagResource":                       {kmsKey},
	"lambda:AddPermission":                    {function}, // and versions and aliases, whose ARNs are like that
	"lambda:GetFunctionUrlConfig":             {function},
	"lambda:GetPolicy":                        {function},
	"lambda:ListFunctions":                    nil,
	"lambda:ListTags":                         {function},
	"lambda:RemovePermission":                 {function},
	"lambda:TagResource":                      {function},
	"lambda:UntagResource":                    {function},
	"lambda:UpdateFunctionUrlConfig":          {function},
	"logs:CreateLogStream":                    {group},
	"logs:ListTagsForResource":                {group},
	"logs:PutLogEvents":                       {group + ":log-stream:${LogStreamName}"},
	"logs:TagResource":                        {group},
	"logs:UntagResource":                      {group},
	"rds:AddTagsToResource":                   {database, cluster, dbCluster, dbSnapshot},
	"rds:DescribeDBClusterAutomatedBackups":   nil, // takes two types, and AWS does not say which one if neither is named
	"rds:DescribeDBClusterSnapshotAttributes": {dbCluster},
	"rds:DescribeDBClusterSnapshots":          nil, // likewise
	"rds:DescribeDBClusters":                  {cluster},
	"rds:DescribeDBInstanceAutomatedBackups":  nil, // likewise
	"rds:DescribeDBInstances":                 {database},
	"rds:DescribeDBSnapshotAttributes":        {dbSnapshot},
	"rds:DescribeDBSnapshots":                 nil, // likewise
	"rds:ListTagsForResource":                 {database, cluster, dbCluster, dbSnapshot},
	"rds:ModifyDBClusterSnapshotAttribute":    {dbCluster},
	"rds:ModifyDBSnapshotAttribute":           {dbSnapshot},
	"rds:RemoveTagsFromResource":              {database, cluster, dbCluster, dbSnapshot},
	"s3:DeleteBucketPolicy":                   {bucket},
	"s3:GetAccountPublicAccessBlock":          nil,
	"s3:GetBucketAcl":                         {bucket},
	"s3:GetBucketOwnershipControls":           {bucket},
	"s3:GetBucketPolicy":                      {bucket},
	"s3:GetBucketPolicyStatus":                {bucket},
	"s3:GetBucketPublicAccessBlock":           {bucket},
	"s3:GetBucketVersioning":                  {bucket},
	"s3:ListAllMyBuckets":                     nil,
	"s3:ListTagsForResource":                  {bucket},
	"s3:PutAccountPublicAccessBlock":          nil,
	"s3:PutBucketAcl":                         {bucket},
	"s3:PutBucketPolicy":                      {bucket},
	"s3:PutBucketPublicAccessBlock":           {bucket},
	"s3:PutBucketVersioning":                  {bucket},
	"s3:TagResource":                          {bucket},
	"s3:UntagResource":                        {bucket},
	"secretsmanager:DescribeSecret":           {secret},
	"secretsmanager:TagResource":              {secret},
	"secretsmanager:UntagResource":            {secret},
	"securityhub:DescribeHub":                 {hub},
	"securityhub:GetEnabledStandards":         nil,
	"sns:ListTagsForResource":                 {topic},
	"sns:Publish":                             {topic},
	"sns:TagResource":                         {topic},
	"sns:UntagResource":                       {topic},
	"sqs:ListQueueTags":                       {queue},
	"sqs:SendMessage":                         {queue},
	"sqs:TagQueue":                            {queue},
	"sqs:UntagQueue":                          {queue},
	"ssm:GetParameter":                        {parameter},
	"tag:GetResources":                        nil,
}

// Types is the forms of ARN of the resources that IAM checks an action on, as
// "arn:${Partition}:ec2:${Region}:${Account}:volume/${VolumeId}"; none if it can't be narrowed down. It is an error if
// the action is not known here.
func Types(action string) ([]string, error) {
	types, known := actions[action]
	if !known {
		return nil, fmt.Errorf("it is not known what resources %s takes: add it to remediations/knowledge/iam/actions.go, from its service's page there", action)
	}
	return types, nil
}

// Narrow reports a statement's resource that is wider than its action needs, or that can't be one of it: * where the
// action takes resources, or an ARN that is not one type of them.
func Narrow(action, resource string) error {
	types, err := Types(action)
	switch {
	case err != nil:
		return err
	case len(types) == 0 && resource != "*":
		return fmt.Errorf("%s on %s allows nothing: IAM knows no resources of it, but only *", action, resource)
	case len(types) > 0 && !slices.ContainsFunc(types, func(form string) bool { return fits(resource, form) }):
		return fmt.Errorf("%s on %s is wider than need be: want it to be like %s", action, resource, strings.Join(types, " or "))
	}
	return nil
}

// variable is what a form of ARN leaves open: a part as a whole, or the name at its end.
var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// fits reports whether an ARN, with wildcards and CloudFormation's parameters, is of one type: it has all that the
// form fixes, and at most a wildcard in place of what that leaves open.
func fits(arn, form string) bool {
	got := strings.SplitN(variable.ReplaceAllString(arn, "*"), ":", 6)
	for i, want := range strings.SplitN(form, ":", 6) {
		parts := strings.Split(variable.ReplaceAllString(want, "\x00"), "\x00")
		for j := range parts {
			parts[j] = regexp.QuoteMeta(parts[j])
		}
		if i >= len(got) || !regexp.MustCompile("^"+strings.Join(parts, ".+")+"$").MatchString(got[i]) {
			return false
		}
	}
	return true
}
