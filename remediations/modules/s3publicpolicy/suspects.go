package s3publicpolicy

import (
	"errors"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// suspects is the bucket of the event, unless the event alone shows that nothing is wrong: the policy that
// was put is not public, public policies were just restricted, or the bucket belongs to another account, which
// gets an event of its own.
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

// harmless reports whether the record alone shows that it made nothing public.
func harmless(record events.Record) bool {
	switch record.EventName {
	case "PutBucketPublicAccessBlock":
		return buckets.Restricts(record)
	case "PutBucketPolicy":
		document, err := policy.Parse(policy.S3, buckets.PutPolicy(record))
		if err != nil {
			return false
		}
		public, unclear := document.Judge()
		return len(public) == 0 && len(unclear) == 0
	}
	return false
}
