package iamusernomfa

import "github.com/countermand/countermand/remediations"

const policyName = "countermand-require-mfa"

// policyARN is the ARN of the policy in the user's account.
func policyARN(r remediations.Resource) string {
	return "arn:" + remediations.Partition(r.Region) + ":iam::" + r.Account + ":policy/" + policyName
}

// policyDocument denies what is done without MFA, but for what it takes to set MFA up and to sign in. It also allows
// that: a user who may do nothing else could not get out of it. Deleting and deactivating devices is not among it, as
// whoever has the password could get rid of MFA by that.
//
// Bool compares a key that is there: in sessions of the console, and of GetSessionToken. Calls with a long-term access
// key don't have it. AWS's example has BoolIfExists, which denies these, too: programs that run with a user's key would
// stop, and a password is not what they use.
//
// A user with a path has it in the ARN, hence the second of each pair. The policy is of all partitions.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_iam_mfa-selfmanage.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent
const policyDocument = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "SeeVirtualDevices",
      "Effect": "Allow",
      "Action": "iam:ListVirtualMFADevices",
      "Resource": "*"
    },
    {
      "Sid": "MakeVirtualDevice",
      "Effect": "Allow",
      "Action": "iam:CreateVirtualMFADevice",
      "Resource": "arn:*:iam::*:mfa/*"
    },
    {
      "Sid": "SetUpOwnDevice",
      "Effect": "Allow",
      "Action": [
        "iam:EnableMFADevice",
        "iam:GetMFADevice",
        "iam:GetUser",
        "iam:ListMFADevices",
        "iam:ResyncMFADevice"
      ],
      "Resource": [
        "arn:*:iam::*:user/${aws:username}",
        "arn:*:iam::*:user/*/${aws:username}"
      ]
    },
    {
      "Sid": "NothingElseWithoutMFA",
      "Effect": "Deny",
      "NotAction": [
        "iam:ChangePassword",
        "iam:CreateVirtualMFADevice",
        "iam:EnableMFADevice",
        "iam:GetAccountPasswordPolicy",
        "iam:GetMFADevice",
        "iam:GetUser",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
        "iam:ResyncMFADevice",
        "sts:GetSessionToken"
      ],
      "Resource": "*",
      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    }
  ]
}`
