//go:build emulator

package sandbox

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/storetest"
)

// The store in DynamoDB keeps the contract that the one in memory keeps, against the sandbox's emulator.
func TestDynamoDBKeepsTheContract(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	e, err := startEmulator(t.Context(), root, t.TempDir(), "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
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
	storetest.Contract(t, engine.NewDynamoDB(cfg, "runs"), "contract-")

	t.Run("a missing table is an error", func(t *testing.T) {
		absent := engine.NewDynamoDB(cfg, "absent")
		if _, err := absent.Get(t.Context(), "id"); err == nil {
			t.Error("get: no error")
		}
		if err := absent.Put(t.Context(), &engine.Record{ID: "id", Version: 1}); err == nil {
			t.Error("put: no error")
		}
	})
}
