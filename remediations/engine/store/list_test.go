package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// scanned returns a store whose table answers scans with pages, then with an error if there is one.
func scanned(inputs *[]*dynamodb.ScanInput, failure error, pages ...[]map[string]types.AttributeValue) *store.DynamoDB {
	return store.NewDynamoDB(aws.Config{Region: "eu-west-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("table", func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			copied := *in.Parameters.(*dynamodb.ScanInput)
			*inputs = append(*inputs, &copied)
			page := len(*inputs) - 1
			if page == len(pages) {
				return out, metadata, failure
			}
			answer := &dynamodb.ScanOutput{Items: pages[page], ScannedCount: 10}
			if page+1 < len(pages) || failure != nil {
				answer.LastEvaluatedKey = map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: fmt.Sprint(page)}}
			}
			out.Result = answer
			return out, metadata, nil
		}), middleware.After)
	}}}, "runs")
}

// item returns a run that began some minutes after ten.
func item(t *testing.T, id string, minute int) map[string]types.AttributeValue {
	t.Helper()
	body, err := json.Marshal(engine.Record{ID: id, Started: time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}, "record": &types.AttributeValueMemberS{Value: string(body)}}
}

func TestListIsTheNewestOfAllPages(t *testing.T) {
	var inputs []*dynamodb.ScanInput
	pages := [][]map[string]types.AttributeValue{
		{item(t, "b", 2), item(t, "e", 5), item(t, "a", 1)}, {}, {item(t, "d", 4), item(t, "c2", 3), item(t, "c1", 3)},
	}
	for limit, want := range map[int][]string{1: {"e"}, 4: {"e", "d", "c1", "c2"}, 50: {"e", "d", "c1", "c2", "b", "a"}} {
		inputs = nil
		var looked []int
		l, err := scanned(&inputs, nil, pages...).List(t.Context(), store.Query{Limit: limit}, func(n int) { looked = append(looked, n) })
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range l.Runs {
			got = append(got, r.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" || l.Matched != 6 || l.Scanned != 30 {
			t.Errorf("limit %d: %d matched, %d looked at\n%s", limit, l.Matched, l.Scanned, diff)
		}
		for _, r := range l.Runs[len(l.Runs):cap(l.Runs)] {
			if r != nil {
				t.Errorf("limit %d: run %s is kept in memory", limit, r.ID)
			}
		}
		if diff := cmp.Diff([]int{10, 20, 30}, looked); diff != "" {
			t.Error(diff)
		}
		if key, ok := inputs[1].ExclusiveStartKey["id"].(*types.AttributeValueMemberS); !ok || key.Value != "0" {
			t.Errorf("the second page began at %v", inputs[1].ExclusiveStartKey)
		}
	}
}

func TestListAsksDynamoDBToFilter(t *testing.T) {
	const all = "attribute_exists(#record)"
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	for _, test := range []struct {
		query  store.Query
		filter string
		values map[string]string
	}{
		{store.Query{}, all, nil},
		{store.Query{Module: "door-open"}, all + " AND #module = :module", map[string]string{":module": "door-open"}},
		{store.Query{Resource: "front"}, all + " AND contains(#resource, :resource)", map[string]string{":resource": "front"}},
		{store.Query{Principal: "bob"}, all + " AND contains(#principal, :principal)", map[string]string{":principal": "bob"}},
		{store.Query{Since: since}, all + " AND #started >= :started", map[string]string{":started": "2026-03-01T11:00:00.000Z"}},
		{store.Query{Outcomes: []engine.Outcome{engine.Failed, engine.Undone}}, all + " AND #outcome IN (:outcome0, :outcome1)",
			map[string]string{":outcome0": "Failed", ":outcome1": "Undone"}},
		{store.Query{Module: "m", Resource: "r", Principal: "p", Outcomes: []engine.Outcome{engine.Failed}, Since: since},
			all + " AND #module = :module AND contains(#resource, :resource) AND contains(#principal, :principal) AND #started >= :started AND #outcome IN (:outcome0)",
			map[string]string{":module": "m", ":resource": "r", ":principal": "p", ":started": "2026-03-01T11:00:00.000Z", ":outcome0": "Failed"}},
	} {
		var inputs []*dynamodb.ScanInput
		test.query.Limit = 1
		if _, err := scanned(&inputs, nil, nil).List(t.Context(), test.query, func(int) {}); err != nil {
			t.Fatal(err)
		}
		var values map[string]string
		for name, value := range inputs[0].ExpressionAttributeValues {
			if values == nil {
				values = map[string]string{}
			}
			values[name] = value.(*types.AttributeValueMemberS).Value
		}
		if diff := cmp.Diff(test.filter, *inputs[0].FilterExpression) + cmp.Diff(test.values, values); diff != "" || *inputs[0].TableName != "runs" {
			t.Errorf("%+v: table %s %s", test.query, *inputs[0].TableName, diff)
		}
	}
}

func TestListFails(t *testing.T) {
	var inputs []*dynamodb.ScanInput
	refused := errors.New("no such table")
	if _, err := scanned(&inputs, refused, nil).List(t.Context(), store.Query{Limit: 1}, func(int) {}); !errors.Is(err, refused) {
		t.Errorf("a page that can't be read: %v", err)
	}
	broken := item(t, "x", 1)
	broken["record"] = &types.AttributeValueMemberS{Value: "{"}
	inputs = nil
	_, err := scanned(&inputs, nil, []map[string]types.AttributeValue{broken}).List(t.Context(), store.Query{Limit: 1}, func(int) {})
	if err == nil || !strings.Contains(err.Error(), "run record x") {
		t.Errorf("a record that can't be decoded: %v", err)
	}
}
