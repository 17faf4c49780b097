package s3externalpolicy

import (
	"errors"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// suspects is the bucket of the event, unless the event alone shows that nothing is wrong, whoever is trusted: the
// policy that was put lets in nobody but the own account, public policies were just restricted, or the bucket belongs to
// another account, which gets an event of its own.
func suspects(event events.Event) ([]remediations.Resource, error) {
	if event.Account == "" || event.Region == "" {
		return nil, errors.New("the event does not say in which account and Region the bucket is")
	}
	bucket, foreign, err := buckets.Of(event)
	if err != nil || foreign || harmless(event) {
		return nil, err
	}
	return []remediations.Resource{{ID: bucket, Type: buckets.Type, Account: event.Account, Region: event.Region}}, nil
}

// harmless reports whether the event alone shows that nobody was let in. It does not show that of a unique id (AIDA...,
// AROA...): S3 takes anybody's, and shows the ARN from then on.
func harmless(event events.Event) bool {
	switch event.Record.EventName {
	case "PutBucketPublicAccessBlock":
		return buckets.Restricts(event.Record)
	case "PutBucketPolicy":
		document, err := policy.Parse(policy.S3, buckets.PutPolicy(event.Record))
		if err != nil {
			return false
		}
		external, unclear := document.External(trusted(event.Account, Settings{}))
		return len(external) == 0 && len(unclear) == 0 && len(document.Gone()) == 0
	}
	return false
}
