package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/countermand/countermand/remediations/engine"
)

// A Query selects runs: those that match all fields that are set.
type Query struct {
	Module    string
	Resource  string           // part of the resource's type and id: "AWS::S3::Bucket acme-invoices"
	Principal string           // part of who made the call
	Outcomes  []engine.Outcome // one of them
	Since     time.Time        // started then or later
	Limit     int              // how many runs to return, at least 1
}

// A Listing is the result of List.
type Listing struct {
	Runs    []*engine.Record // newest first
	Matched int              // how many runs match; Runs are the newest of them
	Scanned int              // how many items were read
}

// List scans the whole table, page by page, and returns the newest runs that match a query. After each page it calls
// progress with the number of items read so far.
func (d *DynamoDB) List(ctx context.Context, q Query, progress func(scanned int)) (Listing, error) {
	var l Listing
	pages := dynamodb.NewScanPaginator(d.client, d.scan(q))
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Listing{}, fmt.Errorf("list the runs in table %s: %w", d.table, err)
		}
		for _, item := range page.Items {
			r, err := d.decode(itemID(item), item)
			if err != nil {
				return Listing{}, err
			}
			l.Runs = append(l.Runs, r)
		}
		l.Matched += len(page.Items)
		l.Scanned += int(page.ScannedCount)
		slices.SortFunc(l.Runs, func(a, b *engine.Record) int {
			if c := b.Started.Compare(a.Started); c != 0 {
				return c
			}
			return strings.Compare(a.ID, b.ID)
		})
		kept := min(len(l.Runs), q.Limit)
		clear(l.Runs[kept:]) // frees the others
		l.Runs = l.Runs[:kept]
		progress(l.Scanned)
	}
	return l, nil
}

// itemID returns an item's id.
func itemID(item map[string]types.AttributeValue) string {
	id, _ := item["id"].(*types.AttributeValueMemberS)
	if id == nil {
		return "without an id"
	}
	return id.Value
}

// scan returns the call that reads the runs of a query. DynamoDB filters by the attributes beside the record; an item
// without a record is not a run.
func (d *DynamoDB) scan(q Query) *dynamodb.ScanInput {
	names := map[string]string{"#record": "record"}
	values := map[string]types.AttributeValue{}
	conditions := []string{"attribute_exists(#record)"}
	where := func(condition, name, value string) {
		if value != "" {
			names["#"+name], values[":"+name] = name, textValue(value)
			conditions = append(conditions, fmt.Sprintf(condition, "#"+name, ":"+name))
		}
	}
	where("%s = %s", "module", q.Module)
	where("contains(%s, %s)", "resource", q.Resource)
	where("contains(%s, %s)", "principal", q.Principal)
	if !q.Since.IsZero() {
		where("%s >= %s", "started", q.Since.UTC().Format(startedFormat))
	}
	var wanted []string
	for i, o := range q.Outcomes {
		name := fmt.Sprintf(":outcome%d", i)
		names["#outcome"], values[name] = "outcome", textValue(string(o))
		wanted = append(wanted, name)
	}
	if len(wanted) > 0 {
		conditions = append(conditions, "#outcome IN ("+strings.Join(wanted, ", ")+")")
	}
	in := &dynamodb.ScanInput{
		TableName:                &d.table,
		ConsistentRead:           aws.Bool(true),
		FilterExpression:         aws.String(strings.Join(conditions, " AND ")),
		ExpressionAttributeNames: names,
	}
	if len(values) > 0 {
		in.ExpressionAttributeValues = values
	}
	return in
}
