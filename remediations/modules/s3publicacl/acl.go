package s3publicacl

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations"
)

// acl is a bucket's ACL, in the form that the AWS CLI takes it in.
type acl struct {
	Owner  owner
	Grants []grant
}

type owner struct{ ID string }

// grant is what one grantee may do. Names that are shown for accounts are left out: they name nobody.
type grant struct {
	Grantee    grantee
	Permission string // "READ"
}

type grantee struct {
	Type string // "CanonicalUser", which has an ID, or "Group", which has a URI
	ID   string `json:",omitempty"`
	URI  string `json:",omitempty"`
}

// logDelivery is the group that is not public: S3 itself, when it writes server access logs.
const logDelivery = "http://acs.amazonaws.com/groups/s3/LogDelivery"

// everyone is the groups that are public, with what they are for people.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#specifying-grantee-predefined-groups
var everyone = map[string]string{
	"http://acs.amazonaws.com/groups/global/AllUsers":           "anyone (AllUsers)",
	"http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "anyone who has an AWS account (AuthenticatedUsers)",
}

// split is the ACL's public grants, and the ACL without them.
func (a acl) split() (public []grant, rest acl) {
	rest = acl{Owner: a.Owner, Grants: []grant{}}
	for _, g := range a.Grants {
		if _, ok := everyone[g.Grantee.URI]; ok {
			public = append(public, g)
		} else {
			rest.Grants = append(rest.Grants, g)
		}
	}
	return public, rest
}

// equal compares what ACLs grant; their order says nothing.
func (a acl) equal(b *acl) bool { return a.Owner == b.Owner && maps.Equal(a.set(), b.set()) }

func (a acl) set() map[grant]bool {
	set := map[grant]bool{}
	for _, g := range a.Grants {
		set[g] = true
	}
	return set
}

// words says what grants to everyone allow.
func words(public []grant) string {
	var list []string
	for _, g := range public {
		list = append(list, g.Permission+" for "+everyone[g.Grantee.URI])
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// command is the AWS CLI command that gives the bucket an ACL.
func command(bucket remediations.Resource, state json.RawMessage) string {
	return fmt.Sprintf("aws s3api put-bucket-acl --bucket %s --expected-bucket-owner %s --region %s --access-control-policy %s",
		remediations.Quote(bucket.ID), remediations.Quote(bucket.Account), remediations.Quote(bucket.Region), remediations.Quote(string(state)))
}

// read is the bucket's ACL, and nil if the bucket is gone. A grantee that is not understood is an error: it could not be
// put back.
func read(ctx context.Context, client *s3.Client, bucket remediations.Resource) (*acl, error) {
	out, err := client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account})
	switch {
	case remediations.ErrorCode(err) == noBucket:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get ACL of bucket %s: %w", bucket.ID, err)
	case out.Owner == nil || aws.ToString(out.Owner.ID) == "":
		return nil, fmt.Errorf("get ACL of bucket %s: the answer names no owner", bucket.ID)
	}
	a := &acl{Owner: owner{ID: *out.Owner.ID}, Grants: []grant{}}
	for i, g := range out.Grants {
		if g.Grantee == nil {
			return nil, fmt.Errorf("get ACL of bucket %s: grant %d has no grantee", bucket.ID, i+1)
		}
		who := grantee{Type: string(g.Grantee.Type), ID: aws.ToString(g.Grantee.ID), URI: aws.ToString(g.Grantee.URI)}
		user := g.Grantee.Type == types.TypeCanonicalUser && who.ID != "" && who.URI == ""
		group := g.Grantee.Type == types.TypeGroup && who.URI != "" && who.ID == ""
		if !user && !group || g.Permission == "" {
			return nil, fmt.Errorf("get ACL of bucket %s: grant %d is of a form that is not known", bucket.ID, i+1)
		}
		a.Grants = append(a.Grants, grant{Grantee: who, Permission: string(g.Permission)})
	}
	return a, nil
}

// put sends an empty list of grants as one, too: without a list S3 takes the ACL for malformed.
func put(ctx context.Context, client *s3.Client, bucket remediations.Resource, a *acl) error {
	policy := &types.AccessControlPolicy{Owner: &types.Owner{ID: &a.Owner.ID}, Grants: []types.Grant{}}
	for _, g := range a.Grants {
		who := &types.Grantee{Type: types.Type(g.Grantee.Type)}
		if g.Grantee.ID != "" {
			who.ID = aws.String(g.Grantee.ID)
		}
		if g.Grantee.URI != "" {
			who.URI = aws.String(g.Grantee.URI)
		}
		policy.Grants = append(policy.Grants, types.Grant{Grantee: who, Permission: types.Permission(g.Permission)})
	}
	_, err := client.PutBucketAcl(ctx, &s3.PutBucketAclInput{
		Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account, AccessControlPolicy: policy,
	})
	if err != nil {
		return fmt.Errorf("put ACL of bucket %s: %w", bucket.ID, err)
	}
	return nil
}

// noBucket is S3's answer about a bucket that is gone, the others those where there is no setting.
const (
	noBucket    = "NoSuchBucket"
	noOwnership = "OwnershipControlsNotFoundError"
)

// disabled reports whether the bucket has its ACLs disabled. Buckets without the setting have not.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
func disabled(ctx context.Context, client *s3.Client, bucket remediations.Resource) (bool, error) {
	out, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account})
	switch code := remediations.ErrorCode(err); {
	case code == noBucket:
		return true, nil
	case code == noOwnership:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get ownership controls of bucket %s: %w", bucket.ID, err)
	case out.OwnershipControls == nil:
		return false, fmt.Errorf("get ownership controls of bucket %s: the answer holds none", bucket.ID)
	}
	return slices.ContainsFunc(out.OwnershipControls.Rules, func(r types.OwnershipControlsRule) bool {
		return r.ObjectOwnership == types.ObjectOwnershipBucketOwnerEnforced
	}), nil
}
