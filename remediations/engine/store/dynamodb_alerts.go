package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// Alerts are kept in two kinds of items. The item of a module and an hour has an attribute for each alert that was
// sent, which holds the run, and a count for each window: the windows bound its size. The item of a module's backlog
// has counts, and an attribute for each run that it names.
const (
	aboutAttribute   = "about:"
	windowAttribute  = "window:"
	outcomeAttribute = "outcome:"
	runAttribute     = "run:"
	namedAttribute   = "named"  // count of the runs that a backlog names
	groupAttribute   = "alike:" // count of those in one group
)

// ClaimAlert implements AlertStore, in one write.
func (d *DynamoDB) ClaimAlert(ctx context.Context, a engine.AlertClaim) (bool, error) {
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:        &d.table,
		Key:              map[string]types.AttributeValue{"id": textValue(a.Key)},
		UpdateExpression: aws.String("SET expires = :expires, #about = :run ADD #window :one"),
		ConditionExpression: aws.String(
			"#about = :run OR attribute_not_exists(#about) AND (attribute_not_exists(#window) OR #window < :most)"),
		ExpressionAttributeNames: map[string]string{
			"#about": aboutAttribute + a.About, "#window": windowAttribute + a.Window,
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":expires": number(a.Expires.Unix()), ":run": textValue(a.Run), ":one": number(1), ":most": number(int64(a.Most)),
		},
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim the alert of run %s in table %s: %w", a.Run, d.table, err)
	}
	return true, nil
}

// FoldAlert implements AlertStore.
func (d *DynamoDB) FoldAlert(ctx context.Context, f engine.FoldedAlert) error {
	err := d.updateBacklog(ctx, f, true)
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		if _, named := refused.Item[runAttribute+f.Run]; named {
			return nil
		}
		err = d.updateBacklog(ctx, f, false) // it names as many runs as it may: only count
	}
	if err != nil {
		return fmt.Errorf("fold the alert of run %s in table %s: %w", f.Run, d.table, err)
	}
	return nil
}

// updateBacklog counts an alert and, if name is set, names its run.
func (d *DynamoDB) updateBacklog(ctx context.Context, f engine.FoldedAlert, name bool) error {
	update := &dynamodb.UpdateItemInput{
		TableName: &d.table,
		Key:       map[string]types.AttributeValue{"id": textValue(remediations.BacklogRow(f.Module))},
		ExpressionAttributeNames: map[string]string{
			"#severity": "severity", "#mark": "mark", "#times": "times", "#critical": "critical",
			"#outcome": outcomeAttribute + string(f.Outcome),
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":severity": number(int64(f.Severity)), ":mark": textValue(rand.Text()), ":one": number(1), ":critical": number(0),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	set := "SET #severity = :severity, #mark = if_not_exists(#mark, :mark)"
	add := " ADD #times :one, #outcome :one, #critical :critical"
	if f.Critical {
		update.ExpressionAttributeValues[":critical"] = number(1)
	}
	if name {
		run, err := remediations.Encode(f)
		if err != nil {
			return err
		}
		set += ", #run = :run"
		add += ", #named :one, #alike :one"
		update.ConditionExpression = aws.String("attribute_not_exists(#run) AND (attribute_not_exists(#named) OR #named < :most)" +
			" AND (attribute_not_exists(#alike) OR #alike < :few)")
		update.ExpressionAttributeNames["#run"] = runAttribute + f.Run
		update.ExpressionAttributeNames["#named"] = namedAttribute
		update.ExpressionAttributeNames["#alike"] = groupAttribute + f.Group()
		update.ExpressionAttributeValues[":run"] = textValue(string(run))
		update.ExpressionAttributeValues[":most"] = number(engine.MaxBacklogRuns)
		update.ExpressionAttributeValues[":few"] = number(engine.MaxGroupRuns)
	}
	update.UpdateExpression = aws.String(set + add)
	_, err := d.client.UpdateItem(ctx, update)
	return err
}

// Backlog implements AlertStore.
func (d *DynamoDB) Backlog(ctx context.Context, module string) (*engine.Backlog, error) {
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &d.table,
		Key:            map[string]types.AttributeValue{"id": textValue(remediations.BacklogRow(module))},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("get the backlog of %s from table %s: %w", module, d.table, err)
	}
	if out.Item == nil {
		return nil, nil
	}
	backlog := &engine.Backlog{Module: module, Outcomes: map[engine.Outcome]int{}}
	for name, value := range out.Item {
		if err := setBacklogAttribute(backlog, name, value); err != nil {
			return nil, fmt.Errorf("decode the backlog of %s: %s: %w", module, name, err)
		}
	}
	slices.SortFunc(backlog.Runs, func(a, b engine.FoldedAlert) int { return strings.Compare(a.Run, b.Run) })
	return backlog, nil
}

// setBacklogAttribute reads one attribute of a backlog's item.
func setBacklogAttribute(backlog *engine.Backlog, name string, value types.AttributeValue) (err error) {
	count := func() (int, error) {
		n, ok := value.(*types.AttributeValueMemberN)
		if !ok {
			return 0, errors.New("not a number")
		}
		return strconv.Atoi(n.Value)
	}
	if outcome, ok := strings.CutPrefix(name, outcomeAttribute); ok {
		n, err := count()
		if n != 0 {
			backlog.Outcomes[engine.Outcome(outcome)] = n
		}
		return err
	}
	if strings.HasPrefix(name, runAttribute) {
		var f engine.FoldedAlert
		body, ok := value.(*types.AttributeValueMemberS)
		if !ok {
			return errors.New("not a string")
		}
		err := json.Unmarshal([]byte(body.Value), &f)
		backlog.Runs = append(backlog.Runs, f)
		return err
	}
	switch name {
	case "times":
		backlog.Times, err = count()
	case "critical":
		backlog.Critical, err = count()
	case "severity":
		var n int
		n, err = count()
		backlog.Severity = remediations.Severity(n)
	case "mark":
		body, ok := value.(*types.AttributeValueMemberS)
		if !ok {
			return errors.New("not a string")
		}
		backlog.Mark = body.Value
	}
	return err
}

// ClearBacklog implements AlertStore. It deletes the backlog. If the backlog has grown, it subtracts what was sent
// instead.
func (d *DynamoDB) ClearBacklog(ctx context.Context, backlog *engine.Backlog) error {
	key := map[string]types.AttributeValue{"id": textValue(remediations.BacklogRow(backlog.Module))}
	_, err := d.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &d.table, Key: key,
		ConditionExpression:       aws.String("#mark = :mark AND #times = :times"),
		ExpressionAttributeNames:  map[string]string{"#mark": "mark", "#times": "times"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":mark": textValue(backlog.Mark), ":times": number(int64(backlog.Times))},
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		_, err = d.client.UpdateItem(ctx, d.subtract(backlog, key))
		if errors.As(err, &refused) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("clear the backlog of %s in table %s: %w", backlog.Module, d.table, err)
	}
	return nil
}

// subtract returns the update that removes a backlog from a larger one.
func (d *DynamoDB) subtract(backlog *engine.Backlog, key map[string]types.AttributeValue) *dynamodb.UpdateItemInput {
	names := map[string]string{"#mark": "mark"}
	values := map[string]types.AttributeValue{":mark": textValue(backlog.Mark), ":next": textValue(rand.Text())}
	var add, remove []string
	less := func(name string, n int) {
		short := strconv.Itoa(len(names))
		names["#"+short], values[":"+short] = name, number(-int64(n))
		add = append(add, "#"+short+" :"+short)
	}
	less("times", backlog.Times)
	less("critical", backlog.Critical)
	for outcome, n := range backlog.Outcomes {
		less(outcomeAttribute+string(outcome), n)
	}
	groups := map[string]int{}
	for _, f := range backlog.Runs {
		groups[f.Group()]++
		short := "#" + strconv.Itoa(len(names))
		names[short] = runAttribute + f.Run
		remove = append(remove, short)
	}
	if len(backlog.Runs) > 0 {
		less(namedAttribute, len(backlog.Runs))
	}
	for group, n := range groups {
		less(groupAttribute+group, n)
	}
	update := "SET #mark = :next ADD " + strings.Join(add, ", ")
	if len(remove) > 0 {
		update += " REMOVE " + strings.Join(remove, ", ")
	}
	return &dynamodb.UpdateItemInput{
		TableName: &d.table, Key: key, UpdateExpression: &update, ConditionExpression: aws.String("#mark = :mark"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}
}
