package policy

// Service is what a policy is on, by how the actions in it begin. A role's trust policy is one, too.
type Service string

// The services whose policies this package knows.
const (
	S3             Service = "s3"
	SNS            Service = "sns"
	SQS            Service = "sqs"
	KMS            Service = "kms"
	Lambda         Service = "lambda"
	SecretsManager Service = "secretsmanager"
	ECR            Service = "ecr" // of a repository
	Trust          Service = "sts" // of an IAM role
)

// bare reports whether statements name no resource, as there is only the one that the policy is on.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
func (service Service) bare() bool { return service == ECR || service == Trust }

// acts reports whether it matters for whom AWS services act that are let in: these are called by services in the name
// of anybody's buckets, rules and topics, unless a condition says whose.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func (service Service) acts() bool { return service == Lambda || service == SNS || service == SQS }

// actsBy is acts for one AWS service. Into buckets services mostly write logs; CloudFront reads for any distribution.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
func (service Service) actsBy(principal string) bool {
	return service.acts() || service == S3 && principal == "cloudfront.amazonaws.com"
}

// loadBalancers are AWS's own accounts from which Elastic Load Balancing writes its logs into buckets. Newer Regions have
// none, but a service principal.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
var loadBalancers = map[string]bool{
	"027434742980": true, "033677994240": true, "037604701340": true, "048591011584": true, "054676820928": true,
	"076674570225": true, "098369216593": true, "114774131450": true, "127311923021": true, "156460612806": true,
	"190560391635": true, "383597477331": true, "507241528517": true, "582318560864": true, "600734575887": true,
	"635631232127": true, "638102146993": true, "652711504416": true, "718504428378": true, "754344448648": true,
	"783225319266": true, "797873946194": true, "897822967062": true, "985666609251": true, "009996457667": true,
	"589379963580": true,
}
