package faulttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// A table is the run table: as much of DynamoDB as store.DynamoDB uses. A test holds it to storetest.Contract. A
// condition or an update that it does not support is an error.
type table struct {
	items   map[string]item
	tokens  map[string]bool // of the transactions that were made, which are not repeated
	written []item          // that newRecords has not returned yet
}

// An item maps attribute names to values.
type item = map[string]types.AttributeValue

// newTable returns an empty table.
func newTable() *table { return &table{items: map[string]item{}, tokens: map[string]bool{}} }

// answer returns the answer to one of the store's calls, or nil, nil for any other call.
func (t *table) answer(in any) (any, error) {
	switch in := in.(type) {
	case *dynamodb.GetItemInput:
		return &dynamodb.GetItemOutput{Item: maps.Clone(t.items[textOf(in.Key["id"])])}, nil
	case *dynamodb.PutItemInput:
		id := textOf(in.Item["id"])
		if err := t.checkCondition(id, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
			return nil, err
		}
		t.items[id], t.written = in.Item, append(t.written, in.Item)
		return &dynamodb.PutItemOutput{}, nil
	case *dynamodb.UpdateItemInput:
		id := textOf(in.Key["id"])
		if err := t.checkCondition(id, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
			return nil, err
		}
		next, err := applyUpdate(in.UpdateExpression, t.items[id], in.Key, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
		if err != nil {
			return nil, err
		}
		t.items[id] = next
		return &dynamodb.UpdateItemOutput{}, nil
	case *dynamodb.DeleteItemInput:
		id := textOf(in.Key["id"])
		if err := t.checkCondition(id, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
			return nil, err
		}
		delete(t.items, id)
		return &dynamodb.DeleteItemOutput{}, nil
	case *dynamodb.TransactWriteItemsInput:
		return t.transact(in)
	}
	return nil, nil
}

// checkCondition returns DynamoDB's refusal of a write whose condition does not hold for the stored item.
func (t *table) checkCondition(id string, condition *string, names map[string]string, values item) error {
	ok, err := conditionHolds(condition, t.items[id], names, values)
	if err != nil || ok {
		return err
	}
	return &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed"), Item: maps.Clone(t.items[id])}
}

// transact makes all writes or none. A repeated token gets the first answer again.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
func (t *table) transact(in *dynamodb.TransactWriteItemsInput) (any, error) {
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && t.tokens[token] {
		return &dynamodb.TransactWriteItemsOutput{}, nil
	}
	reasons := make([]types.CancellationReason, len(in.TransactItems))
	refused := false
	for i, write := range in.TransactItems {
		var ok bool
		var err error
		switch {
		case write.Put != nil:
			stored := t.items[textOf(write.Put.Item["id"])]
			ok, err = conditionHolds(write.Put.ConditionExpression, stored, write.Put.ExpressionAttributeNames, write.Put.ExpressionAttributeValues)
			reasons[i].Item = maps.Clone(stored)
		case write.Update != nil:
			stored := t.items[textOf(write.Update.Key["id"])]
			ok, err = conditionHolds(write.Update.ConditionExpression, stored, write.Update.ExpressionAttributeNames, write.Update.ExpressionAttributeValues)
			reasons[i].Item = maps.Clone(stored)
		default:
			return nil, fmt.Errorf("the test's table does not support this write: %+v", write)
		}
		if err != nil {
			return nil, err
		}
		reasons[i].Code = aws.String("None")
		if !ok {
			reasons[i].Code, refused = aws.String("ConditionalCheckFailed"), true
		}
	}
	if refused {
		return nil, &types.TransactionCanceledException{Message: aws.String("Transaction cancelled"), CancellationReasons: reasons}
	}
	for _, write := range in.TransactItems {
		if write.Put != nil {
			t.items[textOf(write.Put.Item["id"])], t.written = write.Put.Item, append(t.written, write.Put.Item)
			continue
		}
		u := write.Update
		next, err := applyUpdate(u.UpdateExpression, t.items[textOf(u.Key["id"])], u.Key, u.ExpressionAttributeNames, u.ExpressionAttributeValues)
		if err != nil {
			return nil, err
		}
		t.items[textOf(u.Key["id"])] = next
	}
	t.tokens[token] = true
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// runs returns the stored records, sorted by id.
func (t *table) runs() []*engine.Record {
	var all []*engine.Record
	for _, id := range slices.Sorted(maps.Keys(t.items)) {
		if t.items[id]["record"] != nil {
			all = append(all, decode(t.items[id]))
		}
	}
	return all
}

// newRecords returns the records written since the last call.
func (t *table) newRecords() []*engine.Record {
	var all []*engine.Record
	for _, it := range t.written {
		if it["record"] != nil {
			all = append(all, decode(it))
		}
	}
	t.written = nil
	return all
}

// decode returns the record in an item.
func decode(it item) *engine.Record {
	r := new(engine.Record)
	if err := json.Unmarshal([]byte(textOf(it["record"])), r); err != nil {
		panic(fmt.Sprintf("faulttest: decode a record in the table: %v", err))
	}
	return r
}

// inBacklog reports whether the module's backlog names a run, so that a summary reports it.
func (t *table) inBacklog(r *engine.Record) bool {
	return t.items[remediations.BacklogRow(r.Module)]["run:"+r.ID] != nil
}

// countedActions returns how many actions of the module the table has counted, in all hours.
func (t *table) countedActions() int {
	n := 0
	for _, it := range t.items {
		if strings.HasPrefix(textOf(it["what"]), "actions of module ") {
			n += numberOf(it["times"])
		}
	}
	return n
}

// textOf returns a string attribute.
func textOf(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// namesOf returns a string set.
func namesOf(v types.AttributeValue) []string {
	s, _ := v.(*types.AttributeValueMemberSS)
	if s == nil {
		return nil
	}
	return slices.Clone(s.Value)
}

// numberOf returns a number attribute.
func numberOf(v types.AttributeValue) int {
	n, _ := v.(*types.AttributeValueMemberN)
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(n.Value)
	if err != nil {
		panic(fmt.Sprintf("faulttest: decode a number in the table: %v", err))
	}
	return i
}
