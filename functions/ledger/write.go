package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/countermand/countermand/remediations/ledger"
)

// writer writes the records of runs that have ended into the bucket.
type writer struct {
	store ledger.Store
	now   func() time.Time
	log   *slog.Logger
}

// change is a change in the run table as its stream tells it.
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
type change struct {
	DynamoDB struct {
		SequenceNumber              string
		ApproximateCreationDateTime float64 // seconds since 1970
		Keys                        map[string]json.RawMessage
		NewImage                    map[string]json.RawMessage // nil where the item was deleted
	} `json:"dynamodb"`
}

// Invoke implements lambda.Handler. It answers with the changes that it could not write: Lambda tries again from the
// first of them on, and after the last retry sends where it is to the failure queue.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
func (w *writer) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var batch struct{ Records []json.RawMessage }
	if err := json.Unmarshal(event, &batch); err != nil {
		return nil, fmt.Errorf("decode the stream's event: %w", err)
	}
	answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	written := 0
	for _, text := range batch.Records {
		var c change
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("decode a change of the run table: %w", err)
		}
		at := c.DynamoDB.SequenceNumber
		if at == "" {
			return nil, errors.New("a change of the run table has no sequence number")
		}
		wrote, err := w.write(ctx, &c)
		if err != nil {
			w.log.ErrorContext(ctx, "record not written", "item", string(c.DynamoDB.Keys["id"]), "sequence", at, "error", err.Error())
			failure := events.DynamoDBBatchItemFailure{ItemIdentifier: at}
			answer.BatchItemFailures = append(answer.BatchItemFailures, failure)
		}
		if wrote {
			written++
		}
	}
	w.log.InfoContext(ctx, "changes dealt with", "changes", len(batch.Records), "written", written,
		"failed", len(answer.BatchItemFailures))
	return json.Marshal(answer)
}

// write writes the record of a change, if that is one of a run that has ended. It reports whether it did.
func (w *writer) write(ctx context.Context, c *change) (bool, error) {
	if c.DynamoDB.NewImage == nil { // deleted, as its time was over
		return false, nil
	}
	id, err := attribute(c.DynamoDB.NewImage, "id")
	if err != nil {
		return false, err
	}
	if id != "" && id[0] >= 'A' && id[0] <= 'Z' { // a count, or what else is no run
		return false, nil
	}
	body, err := attribute(c.DynamoDB.NewImage, "record")
	if err != nil {
		return false, fmt.Errorf("item %q: %w", id, err)
	}
	var record struct {
		ID      string
		Outcome string
		Version int
	}
	if err := json.Unmarshal([]byte(body), &record); err != nil {
		return false, fmt.Errorf("item %q: decode its record: %w", id, err)
	}
	if record.ID != id || record.Outcome == "" {
		return false, fmt.Errorf("item %q: its record is of run %q, with outcome %q", id, record.ID, record.Outcome)
	}
	if record.Outcome == "Started" {
		return false, nil
	}
	key, err := ledger.RecordKey(w.now(), time.Unix(int64(c.DynamoDB.ApproximateCreationDateTime), 0), id, record.Version)
	if err != nil {
		return false, err
	}
	// The stream delivers at least once: what is there already is this very record.
	if err := w.store.Create(ctx, key, []byte(body)); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	return true, nil
}

// attribute is an attribute of an item that is a text.
func attribute(item map[string]json.RawMessage, name string) (string, error) {
	var value struct{ S *string }
	if err := json.Unmarshal(item[name], &value); err != nil || value.S == nil {
		return "", fmt.Errorf("attribute %q is no text", name)
	}
	return *value.S, nil
}
