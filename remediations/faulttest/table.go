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

	"github.com/countermand/countermand/remediations/engine"
)

// table is the run table: as much of DynamoDB as engine.DynamoDB asks for, which is held to storetest.Contract by a test.
// A condition or an update that it does not know is an error.
type table struct {
	items  map[string]item
	tokens map[string]bool // of the transactions that were made; one that comes again is not made again
	put    []item          // that were not asked for by fresh yet
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
		if ok, err := holds(t.items[id], in.ConditionExpression, in.ExpressionAttributeValues); err != nil || !ok {
			return nil, orRefused(err, t.items[id])
		}
		t.items[id], t.put = in.Item, append(t.put, in.Item)
		return &dynamodb.PutItemOutput{}, nil
	case *dynamodb.TransactWriteItemsInput:
		return t.transact(in)
	}
	return nil, nil
}

func orRefused(err error, standing item) error {
	if err != nil {
		return err
	}
	return &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed"), Item: maps.Clone(standing)}
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
		var standing, values item
		var condition *string
		switch {
		case write.Put != nil:
			standing = t.items[textOf(write.Put.Item["id"])]
			condition, values = write.Put.ConditionExpression, write.Put.ExpressionAttributeValues
		case write.Update != nil:
			standing = t.items[textOf(write.Update.Key["id"])]
			condition, values = write.Update.ConditionExpression, write.Update.ExpressionAttributeValues
		default:
			return nil, fmt.Errorf("the test's table knows no such write: %+v", write)
		}
		ok, err := holds(standing, condition, values)
		if err != nil {
			return nil, err
		}
		reasons[i].Code = aws.String("None")
		if !ok {
			reasons[i], refused = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"), Item: maps.Clone(standing)}, true
		}
	}
	if refused {
		return nil, &types.TransactionCanceledException{Message: aws.String("Transaction cancelled"), CancellationReasons: reasons}
	}
	for _, write := range in.TransactItems {
		if write.Put != nil {
			t.items[textOf(write.Put.Item["id"])], t.put = write.Put.Item, append(t.put, write.Put.Item)
		} else if err := t.raise(write.Update); err != nil {
			return nil, err
		}
	}
	t.tokens[token] = true
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// raise makes an update of a count.
func (t *table) raise(in *types.Update) error {
	id := textOf(in.Key["id"])
	count := maps.Clone(t.items[id])
	if count == nil {
		count = item{"id": in.Key["id"]}
	}
	set := in.ExpressionAttributeValues
	switch aws.ToString(in.UpdateExpression) {
	case "SET expires = :expires, what = :what ADD times :one, whom :whom":
		whom := append(namesOf(count["whom"]), namesOf(set[":whom"])...)
		slices.Sort(whom)
		count["whom"] = &types.AttributeValueMemberSS{Value: slices.Compact(whom)}
	case "SET expires = :expires, what = :what ADD times :one":
	default:
		return fmt.Errorf("the test's table knows no update %q", aws.ToString(in.UpdateExpression))
	}
	count["expires"], count["what"] = set[":expires"], set[":what"]
	count["times"] = &types.AttributeValueMemberN{Value: strconv.Itoa(numberOf(count["times"]) + numberOf(set[":one"]))}
	t.items[id] = count
	return nil
}

// holds reports whether a condition holds for the item that stands.
func holds(standing item, condition *string, values item) (bool, error) {
	switch aws.ToString(condition) {
	case "attribute_not_exists(id)":
		return standing == nil, nil
	case "version = :version":
		return standing != nil && numberOf(standing["version"]) == numberOf(values[":version"]), nil
	case "attribute_not_exists(id) OR latest < :at":
		return standing == nil || numberOf(standing["latest"]) < numberOf(values[":at"]), nil
	case "attribute_not_exists(times) OR times < :most":
		return standing["times"] == nil || numberOf(standing["times"]) < numberOf(values[":most"]), nil
	}
	return false, fmt.Errorf("the test's table knows no condition %q", aws.ToString(condition))
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

// fresh is the records that were written since it was called last.
func (t *table) fresh() []*engine.Record {
	var all []*engine.Record
	for _, it := range t.put {
		if it["record"] != nil {
			all = append(all, decode(it))
		}
	}
	t.put = nil
	return all
}

func decode(it item) *engine.Record {
	r := new(engine.Record)
	if err := json.Unmarshal([]byte(textOf(it["record"])), r); err != nil {
		panic(fmt.Sprintf("faulttest: the table took a record that is no JSON: %v", err))
	}
	return r
}

// counted is how many actions of the module the table has counted, in all hours.
func (t *table) counted() int {
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
