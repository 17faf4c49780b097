package s3publicacl

import (
	"errors"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
)

// suspects is the bucket of the event, unless the event alone shows that nothing is wrong: what was put is not public,
// public ACLs were just made ineffective, or the bucket belongs to another account, which gets an event of its own.
func suspects(event events.Event) ([]remediations.Resource, error) {
	if event.Account == "" || event.Region == "" {
		return nil, errors.New("the event does not say in which account and Region the bucket is")
	}
	bucket, foreign, err := buckets.Of(event)
	if err != nil || foreign || harmless(event.Record) {
		return nil, err
	}
	return []remediations.Resource{{ID: bucket, Type: buckets.Type, Account: event.Account, Region: event.Region}}, nil
}

// canned is the ready-made ACLs that are not public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
var canned = map[string]bool{
	"private": true, "aws-exec-read": true, "bucket-owner-read": true, "bucket-owner-full-control": true, "log-delivery-write": true,
}

// grantHeaders is the headers that grant something. CloudTrail writes them below accessControlList.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html
var grantHeaders = []string{
	"accessControlList", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp",
}

// harmless reports whether the record alone shows that it made nothing public.
func harmless(record events.Record) bool {
	request := record.Request
	if record.EventName == "PutBucketPublicAccessBlock" {
		return strings.EqualFold(request.Get("PublicAccessBlockConfiguration", "IgnorePublicAcls").Text(), "true")
	}
	for _, header := range grantHeaders {
		if request.Get(header).Exists() {
			return false
		}
	}
	acl, body := request.Get("x-amz-acl"), request.Get("AccessControlPolicy")
	switch {
	case body.Exists():
		return !acl.Exists() && private(body)
	case acl.Exists():
		return canned[acl.Text()]
	}
	// A bucket that is created without an ACL gets a private one. Of another call that says nothing nothing is known.
	return record.EventName == "CreateBucket" && request.Get("bucketName").Exists()
}

// private reports whether an ACL holds grants to accounts and to the log delivery alone.
func private(body events.Params) bool {
	grants := body.Get("AccessControlList", "Grant").List()
	for _, g := range grants {
		id, uri := g.Get("Grantee", "ID"), g.Get("Grantee", "URI")
		if id.Text() == "" && uri.Text() != logDelivery || id.Exists() && uri.Exists() {
			return false
		}
	}
	return len(grants) > 0
}
