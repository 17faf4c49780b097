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

// table is the run table: as much of DynamoDB as store.DynamoDB asks for, which is held to storetest.Contract by a test.
// A condition or an update that it does not know is an error.
type table struct {
	items   map[string]item
	tokens  map[string]bool // of the transactions that were made; one that comes again is not made again
	written []item          // that were not asked for by fresh yet
}

type item = map[string]types.AttributeValue

func newTable() *table { return &table{items: map[string]item{}, tokens: map[string]bool{}} }

// answer is the answer to one of the store's calls; nil, nil for a call that is none.
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

// checkCondition is DynamoDB's refusal of a write whose condition does not hold for the item that stands.
func (t *table) checkCondition(id string, condition *string, names map[string]string, values item) error {
	ok, err := conditionHolds(condition, t.items[id], names, values)
	if err != nil || ok {
		return err
	}
	return &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed"), Item: maps.Clone(t.items[id])}
}

// transact makes all writes or none. A token that was seen is answered as it was the first time.
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
			standing := t.items[textOf(write.Put.Item["id"])]
			ok, err = conditionHolds(write.Put.ConditionExpression, standing, write.Put.ExpressionAttributeNames, write.Put.ExpressionAttributeValues)
			reasons[i].Item = maps.Clone(standing)
		case write.Update != nil:
			standing := t.items[textOf(write.Update.Key["id"])]
			ok, err = conditionHolds(write.Update.ConditionExpression, standing, write.Update.ExpressionAttributeNames, write.Update.ExpressionAttributeValues)
			reasons[i].Item = maps.Clone(standing)
		default:
			return nil, fmt.Errorf("the test's table knows no such write: %+v", write)
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

// runs is the records that stand, sorted by id.
func (t *table) runs() []*engine.Record {
	var all []*engine.Record
	for _, id := range slices.Sorted(maps.Keys(t.items)) {
		if t.items[id]["record"] != nil {
			all = append(all, decode(t.items[id]))
		}
	}
	return all
}

// newRecords is the records that were written since it was called last.
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

func decode(it item) *engine.Record {
	r := new(engine.Record)
	if err := json.Unmarshal([]byte(textOf(it["record"])), r); err != nil {
		panic(fmt.Sprintf("faulttest: the table took a record that is no JSON: %v", err))
	}
	return r
}

// inBacklog reports whether the module's backlog names a run: people hear of it with others.
func (t *table) inBacklog(r *engine.Record) bool {
	return t.items[remediations.BacklogRow(r.Module)]["run:"+r.ID] != nil
}

// countedActions is how many actions of the module the table has counted, in all hours.
func (t *table) countedActions() int {
	n := 0
	for _, it := range t.items {
		if strings.HasPrefix(textOf(it["what"]), "actions of module ") {
			n += numberOf(it["times"])
		}
	}
	return n
}

func textOf(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func namesOf(v types.AttributeValue) []string {
	s, _ := v.(*types.AttributeValueMemberSS)
	if s == nil {
		return nil
	}
	return slices.Clone(s.Value)
}

func numberOf(v types.AttributeValue) int {
	n, _ := v.(*types.AttributeValueMemberN)
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(n.Value)
	if err != nil {
		panic(fmt.Sprintf("faulttest: the table took a number that is none: %v", err))
	}
	return i
}
