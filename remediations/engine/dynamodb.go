package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/countermand/countermand/remediations"
)

// maxRecord is the most bytes of JSON a run record may have: DynamoDB's limit for an item is 400 KB.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxRecord = 380_000

// DynamoDB is a Store in a table whose key is "id". The record is one JSON text; what the console and
// filters want to see stands beside it as attributes of its own.
type DynamoDB struct {
	client *dynamodb.Client
	table  string
}

// NewDynamoDB is the store in a table.
func NewDynamoDB(cfg aws.Config, table string) *DynamoDB {
	return &DynamoDB{client: dynamodb.NewFromConfig(cfg), table: table}
}

// Get implements Store.
func (d *DynamoDB) Get(ctx context.Context, id string) (*Record, error) {
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &d.table,
		Key:            map[string]types.AttributeValue{"id": text(id)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("get run record %s from table %s: %w", id, d.table, err)
	}
	if out.Item == nil {
		return nil, nil
	}
	body, ok := out.Item["record"].(*types.AttributeValueMemberS)
	if !ok {
		return nil, fmt.Errorf("run record %s in table %s has no attribute \"record\"", id, d.table)
	}
	r := new(Record)
	if err := json.Unmarshal([]byte(body.Value), r); err != nil {
		return nil, fmt.Errorf("decode run record %s: %w", id, err)
	}
	return r, nil
}

// Put implements Store.
func (d *DynamoDB) Put(ctx context.Context, r *Record) error {
	body, err := remediations.Encode(r)
	if err != nil {
		return fmt.Errorf("encode run record %s: %w", r.ID, err)
	}
	if len(body) > maxRecord {
		return fmt.Errorf("run record %s has %d bytes: a table item holds %d", r.ID, len(body), maxRecord)
	}
	in := &dynamodb.PutItemInput{
		TableName: &d.table,
		Item: map[string]types.AttributeValue{
			"id":        text(r.ID),
			"module":    text(r.Module),
			"mode":      text(r.Mode.String()),
			"outcome":   text(string(r.Outcome)),
			"resource":  text(r.Resource.String()),
			"principal": text(r.Principal),
			"event":     text(r.EventName),
			"started":   text(r.Started.Format("2006-01-02T15:04:05.000Z07:00")),
			"version":   number(int64(r.Version)),
			"expires":   number(r.Expires.Unix()),
			"record":    text(string(body)),
		},
	}
	if r.Version == 1 {
		in.ConditionExpression = aws.String("attribute_not_exists(id)")
	} else {
		in.ConditionExpression = aws.String("version = :version")
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":version": number(int64(r.Version - 1))}
	}
	_, err = d.client.PutItem(ctx, in)
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		standing, err := d.Get(ctx, r.ID)
		if err != nil {
			return err
		}
		if r.same(standing) {
			return nil
		}
		return ErrConflict
	}
	if err != nil {
		return fmt.Errorf("put run record %s into table %s: %w", r.ID, d.table, err)
	}
	return nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
