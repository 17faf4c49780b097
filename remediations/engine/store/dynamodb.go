package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// maxRecord is the most bytes of JSON that a run record may have: DynamoDB limits an item to 400 KB.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxRecord = 380_000

// startedFormat is the form of the attribute "started", in UTC: sorted as text, it sorts by time.
const startedFormat = "2006-01-02T15:04:05.000Z07:00"

// DynamoDB is a Store in a table whose key is "id". A record is one JSON text. What the console and filters need is
// copied into attributes beside it.
type DynamoDB struct {
	client *dynamodb.Client
	table  string
}

// NewDynamoDB returns the store in a table.
func NewDynamoDB(cfg aws.Config, table string) *DynamoDB {
	return &DynamoDB{client: dynamodb.NewFromConfig(engine.RefuseEmptyResponses(cfg)), table: table}
}

// Get implements Store.
func (d *DynamoDB) Get(ctx context.Context, id string) (*engine.Record, error) {
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &d.table,
		Key:            map[string]types.AttributeValue{"id": textValue(id)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("get run record %s from table %s: %w", id, d.table, err)
	}
	if out.Item == nil {
		return nil, nil
	}
	return d.decode(id, out.Item)
}

// decode returns the record in an item.
func (d *DynamoDB) decode(id string, item map[string]types.AttributeValue) (*engine.Record, error) {
	body, ok := item["record"].(*types.AttributeValueMemberS)
	if !ok {
		return nil, fmt.Errorf("run record %s in table %s has no attribute \"record\"", id, d.table)
	}
	r := new(engine.Record)
	if err := json.Unmarshal([]byte(body.Value), r); err != nil {
		return nil, fmt.Errorf("decode run record %s: %w", id, err)
	}
	return r, nil
}

// Put implements Store.
func (d *DynamoDB) Put(ctx context.Context, r *engine.Record) error {
	put, err := d.put(r)
	if err != nil {
		return err
	}
	_, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: put.TableName, Item: put.Item,
		ConditionExpression: put.ConditionExpression, ExpressionAttributeValues: put.ExpressionAttributeValues,
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return d.conflict(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("put run record %s into table %s: %w", r.ID, d.table, err)
	}
	return nil
}

// put returns the write of a record, on the condition that it follows the stored one.
func (d *DynamoDB) put(r *engine.Record) (*types.Put, error) {
	body, err := remediations.Encode(r)
	if err != nil {
		return nil, fmt.Errorf("encode run record %s: %w", r.ID, err)
	}
	if len(body) > maxRecord {
		return nil, fmt.Errorf("run record %s has %d bytes: a table item holds %d", r.ID, len(body), maxRecord)
	}
	put := &types.Put{
		TableName: &d.table,
		Item: map[string]types.AttributeValue{
			"id":        textValue(r.ID),
			"module":    textValue(r.Module),
			"mode":      textValue(r.Mode.String()),
			"outcome":   textValue(string(r.Outcome)),
			"resource":  textValue(r.Resource.String()),
			"principal": textValue(r.Principal),
			"event":     textValue(r.EventName),
			"started":   textValue(r.Started.UTC().Format(startedFormat)),
			"version":   number(int64(r.Version)),
			"expires":   number(r.Expires.Unix()),
			"record":    textValue(string(body)),
		},
	}
	if r.Version == 1 {
		put.ConditionExpression = aws.String("attribute_not_exists(id)")
	} else {
		put.ConditionExpression = aws.String("version = :version")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":version": number(int64(r.Version - 1))}
	}
	return put, nil
}

// conflict returns the result of a write that the stored record refused: nil if that is the same write.
func (d *DynamoDB) conflict(ctx context.Context, r *engine.Record) error {
	stored, err := d.Get(ctx, r.ID)
	if err != nil {
		return err
	}
	if r.SameWrite(stored) {
		return nil
	}
	return engine.ErrConflict
}

// Begin implements Store, in one transaction.
func (d *DynamoDB) Begin(ctx context.Context, r *engine.Record, counts []engine.Count) error {
	put, err := d.put(r)
	if err != nil {
		return err
	}
	items := []types.TransactWriteItem{{Put: put}}
	for _, c := range counts {
		items = append(items, types.TransactWriteItem{Update: d.raiseCount(c)})
	}
	for attempt := 1; ; attempt++ {
		_, err = d.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		var cancelled *types.TransactionCanceledException
		if !errors.As(err, &cancelled) {
			break
		}
		if refusal, final := d.refusal(ctx, r, counts, cancelled.CancellationReasons); final {
			return refusal
		}
		if attempt == maxConflicts {
			break
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("begin run %s in table %s: %w", r.ID, d.table, err)
	}
	return nil
}

// raiseCount returns the write that raises a count, on the condition that it is not full.
func (d *DynamoDB) raiseCount(c engine.Count) *types.Update {
	update := &types.Update{
		TableName:           &d.table,
		Key:                 map[string]types.AttributeValue{"id": textValue(c.Key)},
		UpdateExpression:    aws.String("SET expires = :expires, what = :what ADD times :one"),
		ConditionExpression: aws.String("attribute_not_exists(times) OR times < :most"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":expires": number(c.Expires.Unix()), ":what": textValue(c.What), ":one": number(1), ":most": number(int64(c.Most)),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if c.By != "" {
		update.UpdateExpression = aws.String("SET expires = :expires, what = :what ADD times :one, whom :whom")
		update.ExpressionAttributeValues[":whom"] = &types.AttributeValueMemberSS{Value: []string{c.By}}
	}
	return update
}

// refusal returns what a cancelled transaction means: DynamoDB gives one reason for each of its writes. The result is
// not final if the transaction only collided with another one.
func (d *DynamoDB) refusal(ctx context.Context, r *engine.Record, counts []engine.Count, reasons []types.CancellationReason) (refusal error, final bool) {
	for i, reason := range reasons {
		if aws.ToString(reason.Code) != "ConditionalCheckFailed" {
			continue
		}
		if i == 0 {
			return d.conflict(ctx, r), true
		}
		full := &engine.FullError{Count: counts[i-1]}
		if whom, ok := reason.Item["whom"].(*types.AttributeValueMemberSS); ok {
			full.By = slices.Sorted(slices.Values(whom.Value))
		}
		return full, true
	}
	collided := slices.ContainsFunc(reasons, func(reason types.CancellationReason) bool {
		switch aws.ToString(reason.Code) {
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			return true
		}
		return false
	})
	if !collided {
		codes := make([]string, len(reasons))
		for i, reason := range reasons {
			codes[i] = aws.ToString(reason.Code)
		}
		return fmt.Errorf("begin run %s in table %s: %s", r.ID, d.table, strings.Join(codes, ", ")), true
	}
	return nil, false
}

// maxConflicts is how often a transaction is tried that collides with others: all functions of an account write the
// account's count.
const maxConflicts = 8

// pause waits before the next try, longer each time, and for a random time, so that two functions do not collide again.
func pause(ctx context.Context, attempt int) error {
	return engine.Wait(ctx, time.Duration(rand.IntN(20<<attempt))*time.Millisecond)
}

// ReadCount implements Store.
func (d *DynamoDB) ReadCount(ctx context.Context, key string) (int, error) {
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &d.table, Key: map[string]types.AttributeValue{"id": textValue(key)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return 0, fmt.Errorf("get count %s from table %s: %w", key, d.table, err)
	}
	if out.Item == nil {
		return 0, nil
	}
	times, err := numberIn(out.Item, "times")
	return int(times), err
}

// NoteLatest implements Store.
func (d *DynamoDB) NoteLatest(ctx context.Context, key string, at, expires time.Time) (time.Time, error) {
	_, err := d.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &d.table,
		Item: map[string]types.AttributeValue{
			"id": textValue(key), "latest": number(at.UnixMilli()), "expires": number(expires.Unix()),
		},
		ConditionExpression:                 aws.String("attribute_not_exists(id) OR latest < :at"),
		ExpressionAttributeValues:           map[string]types.AttributeValue{":at": number(at.UnixMilli())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var later *types.ConditionalCheckFailedException
	if errors.As(err, &later) {
		latest, err := numberIn(later.Item, "latest")
		return time.UnixMilli(latest).UTC(), err
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("put %s into table %s: %w", key, d.table, err)
	}
	return at.UTC().Truncate(time.Millisecond), nil
}

// numberIn returns a number in an item.
func numberIn(item map[string]types.AttributeValue, name string) (int64, error) {
	n, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0, fmt.Errorf("item %s has no number %q", itemID(item), name)
	}
	value, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("item %s: %s: %w", itemID(item), name, err)
	}
	return value, nil
}

// textValue returns a string attribute.
func textValue(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// number returns a number attribute.
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
