//go:build emulator

package sandbox

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/engine/store/storetest"
)

// tableOnEmulator is a configuration for the sandbox's emulator, which has a table "runs" as long as the test runs.
func tableOnEmulator(t *testing.T) aws.Config {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	e, err := startEmulator(t.Context(), root, t.TempDir(), "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.stop)
	cfg := config(account, e.url.String())
	_, err = dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            aws.String("runs"),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// The store in DynamoDB keeps the contract that the one in memory keeps, against the sandbox's emulator.
func TestDynamoDBKeepsTheContract(t *testing.T) {
	cfg := tableOnEmulator(t)
	storetest.Contract(t, store.NewDynamoDB(cfg, "runs"), "contract-")

	t.Run("a listing is filtered", func(t *testing.T) { listed(t, cfg) })

	t.Run("a missing table is an error", func(t *testing.T) {
		absent := store.NewDynamoDB(cfg, "absent")
		if _, err := absent.List(t.Context(), store.Query{Limit: 1}, func(int) {}); err == nil {
			t.Error("list: no error")
		}
		if _, err := absent.Get(t.Context(), "id"); err == nil {
			t.Error("get: no error")
		}
		if err := absent.Put(t.Context(), &engine.Record{ID: "id", Version: 1}); err == nil {
			t.Error("put: no error")
		}
	})
}

// listed puts runs beside those of the contract, and an item that is no run, and lists some of them.
func listed(t *testing.T, cfg aws.Config) {
	runs := store.NewDynamoDB(cfg, "runs")
	_, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("runs"), Item: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "a count"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	for i, r := range []engine.Record{
		{ID: "one", Module: "lamps", Outcome: engine.Failed, Resource: remediations.Resource{Type: "AWS::House::Lamp", ID: "hall"}, Principal: "bob"},
		{ID: "two", Module: "lamps", Outcome: engine.Undone, Resource: remediations.Resource{Type: "AWS::House::Lamp", ID: "attic"}, Principal: "olga"},
		{ID: "three", Module: "doors", Outcome: engine.Clean, Resource: remediations.Resource{Type: "AWS::House::Door", ID: "hall"}, Principal: "olga"},
	} {
		r.Version, r.Started = 1, at.Add(time.Duration(i)*time.Hour)
		if err := runs.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		query store.Query
		want  []string
	}{
		{"since", store.Query{Since: at}, []string{"three", "two", "one"}},
		{"since the second", store.Query{Since: at.Add(time.Hour)}, []string{"three", "two"}},
		{"limit", store.Query{Since: at, Limit: 1}, []string{"three"}},
		{"module", store.Query{Module: "lamps"}, []string{"two", "one"}},
		{"part of a module", store.Query{Module: "lamp"}, nil},
		{"resource", store.Query{Resource: "hall"}, []string{"three", "one"}},
		{"principal", store.Query{Principal: "olg"}, []string{"three", "two"}},
		{"outcomes", store.Query{Since: at, Outcomes: []engine.Outcome{engine.Failed, engine.Clean}}, []string{"three", "one"}},
		{"all", store.Query{Module: "lamps", Resource: "hall", Principal: "bob", Outcomes: []engine.Outcome{engine.Failed}, Since: at}, []string{"one"}},
	} {
		if test.query.Limit == 0 {
			test.query.Limit = 50
		}
		found, err := runs.List(t.Context(), test.query, func(int) {})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		var got []string
		for _, r := range found.Runs {
			got = append(got, r.ID)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
