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

// Query says which runs to list: those to which all that is set applies.
type Query struct {
	Module    string
	Resource  string           // part of the resource's type and id: "AWS::S3::Bucket acme-invoices"
	Principal string           // part of who made the call
	Outcomes  []engine.Outcome // one of them
	Since     time.Time        // begun then or later
	Limit     int              // the newest of them, at least 1
}

// Listing is what List has found.
type Listing struct {
	Runs    []*engine.Record // newest first
	Matched int              // how many the query applies to; Runs are the newest of them
	Scanned int              // how many items of the table were read
}

// List reads the whole table, page by page, and keeps no more than the newest runs of a query. After each page it
// calls progress with the number of items read so far.
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
		clear(l.Runs[kept:]) // so that the others don't stay in memory
		l.Runs = l.Runs[:kept]
		progress(l.Scanned)
	}
	return l, nil
}

func itemID(item map[string]types.AttributeValue) string {
	id, _ := item["id"].(*types.AttributeValueMemberS)
	if id == nil {
		return "without an id"
	}
	return id.Value
}

// scan is the call that reads a query's runs. DynamoDB filters, by what stands beside the record; what has no record
// is no run.
func (d *DynamoDB) scan(q Query) *dynamodb.ScanInput {
	names := map[string]string{"#record": "record"}
	values := map[string]types.AttributeValue{}
	conditions := []string{"attribute_exists(#record)"}
	where := func(condition, name, value string) {
		if value != "" {
			names["#"+name], values[":"+name] = name, text(value)
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
		names["#outcome"], values[name] = "outcome", text(string(o))
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
