// Package kmskeyloss keeps protected KMS keys from being lost.
package kmskeyloss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

const (
	keys    = "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"
	whyList = "KMS knows no resource of a list that IAM could name"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "kms-key-loss",
	Title: "keep protected KMS keys from being deleted or disabled",
	Why: `When a KMS key is deleted, all that is encrypted with it is lost for good, backups included, and while it is disabled
nobody can read that. One call begins either.`,
	Text: `A key is protected if it has the tag or an alias that the settings name. Of a protected key the deletion is cancelled,
the key is enabled, and where somebody has just turned its rotation off, that is turned on again, once a year whatever
the period was: KMS forgets that. Whether a key was enabled before its deletion was scheduled can't be told: it is
enabled. Of other keys, and of imported key material that was deleted and that only its owner can import again, people
are told. Undo schedules the deletion again, for what is left of the waiting period and for seven days at least, disables
the key, and turns rotation off, as it was, unless somebody has changed that since.

It looks once a day, too, at each key that waits for its deletion, and at protected ones that are disabled. A key whose
policy shuts IAM out can't be looked at: that is an error. It does not see who takes the tag or the alias from a key
first: deny that to all but a few. A trail can be told to leave KMS out: then only the daily look is left.`,
	Severity: remediations.High,
	Risk:     "a key that is to be gone, because it has leaked, say, stays and can be used",
	Controls: []string{"FSBP/KMS.3", "FSBP/KMS.4", "CIS-3.0/3.6", "ATT&CK/T1485"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("kms", "DeleteImportedKeyMaterial", rotationOff, "DisableKey", "ScheduleKeyDeletion"),
	Settings: Settings{ProtectedTag: "countermand:protected=true"},
	Reads: []remediations.Permission{
		{Action: "kms:DescribeKey", Resource: keys},
		{Action: "kms:GetKeyRotationStatus", Resource: keys},
		{Action: "kms:ListAliases", Resource: "*", Why: whyList},
		{Action: "kms:ListKeys", Resource: "*", Why: whyList},
		{Action: "kms:ListResourceTags", Resource: keys},
	},
	Writes: []remediations.Permission{
		{Action: "kms:CancelKeyDeletion", Resource: keys},
		{Action: "kms:EnableKey", Resource: keys},
		{Action: "kms:EnableKeyRotation", Resource: keys},
	},
	UndoWrites: []remediations.Permission{
		{Action: "kms:DisableKey", Resource: keys},
		{Action: "kms:DisableKeyRotation", Resource: keys},
		{Action: "kms:ScheduleKeyDeletion", Resource: keys},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// rotationOff is the event after which a key's rotation is judged.
const rotationOff = "DisableKeyRotation"

// Settings say which keys are protected.
type Settings struct {
	ProtectedTag     string   `json:"protectedTag" doc:"the tag, key=value, of keys that are protected; empty for none"`
	ProtectedAliases []string `json:"protectedAliases" doc:"the aliases (alias/NAME) of keys that are protected"`
}

// Check refuses what could protect no key.
func (s Settings) Check() error {
	if key, _, ok := strings.Cut(s.ProtectedTag, "="); s.ProtectedTag != "" && (!ok || key == "") {
		return fmt.Errorf("protectedTag: want key=value, got %q", s.ProtectedTag)
	}
	for _, alias := range s.ProtectedAliases {
		if name, ok := strings.CutPrefix(alias, "alias/"); !ok || name == "" {
			return fmt.Errorf("protectedAliases: want alias/NAME, got %q", alias)
		}
	}
	return nil
}

// form is what a key's id looks like; that of a multi-Region key begins with mrk-. It becomes part of commands that
// people copy.
// https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-id
var form = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

// suspects is the key that the call was about. Where the request names it by an alias the answer has its ARN, or else
// the record's resources do.
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	named := []string{r.Request.Get("keyId").Text(), r.Response.Get("keyId").Text()}
	for _, other := range r.Resources.List() {
		named = append(named, other.Get("ARN").Text())
	}
	own := fmt.Sprintf("arn:%s:kms:%s:%s:key/", remediations.Partition(event.Region), event.Region, event.Account)
	for _, text := range named {
		if id := strings.TrimPrefix(text, own); form.MatchString(id) {
			return []remediations.Resource{{ID: id, Type: "AWS::KMS::Key", Account: event.Account, Region: event.Region}}, nil
		}
	}
	return nil, fmt.Errorf("the record of %s names no key of account %s in %s, but %q", r.EventName, event.Account, event.Region, named)
}

// sweep lists all keys: KMS does not tell those that wait for their deletion apart.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		pages := kms.NewListKeysPaginator(kms.NewFromConfig(run.AWS), &kms.ListKeysInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list keys: %w", err))
				return
			}
			for _, k := range page.Keys {
				id := aws.ToString(k.KeyId)
				if !form.MatchString(id) {
					yield(remediations.Resource{}, fmt.Errorf("list keys: %q is no key's id", id))
					return
				}
				if !yield(remediations.Resource{ID: id, Type: "AWS::KMS::Key", Account: run.Account, Region: run.AWS.Region}, nil) {
					return
				}
			}
		}
	}
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	client := kms.NewFromConfig(run.AWS)
	key, err := describe(ctx, client, r.ID)
	if err != nil || key == nil || key.KeyManager == types.KeyManagerTypeAws { // KMS lets nobody touch those
		return nil, err
	}
	asked := run.Event != nil && run.Event.Record.EventName == rotationOff
	before := stateOf(key)
	if before.State == enabled && !(asked && rotates(key)) {
		return nil, nil
	}
	var (
		tags    []types.Tag
		aliases []string
	)
	err = remediations.InParallel(
		func() (err error) { tags, err = listTags(ctx, client, r.ID); return err },
		func() (err error) { aliases, err = listAliases(ctx, client, r.ID); return err },
		func() (err error) {
			if asked && rotates(key) && !before.pending() { // KMS answers no of a key that waits for its deletion
				before.Rotation, err = rotation(ctx, client, r.ID)
			}
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	return judge(r, before, run.Settings.(Settings).protects(tags, aliases), aliases, run.Event == nil)
}

// judge is what is wrong with a key; nil if nothing is. What is disabled and not protected may well be so for years: a
// sweep does not speak of it.
func judge(r remediations.Resource, before state, protected bool, aliases []string, swept bool) (*remediations.Finding, error) {
	after := before.right()
	switch {
	case before.same(after), swept && !protected && !before.pending():
		return nil, nil
	case before.State == importing && swept: // a new key waits for its material so, too
		return nil, nil
	}
	if !protected || before.State == importing {
		after = before
	}
	finding, err := remediations.Found(r, before.reason(aliases, protected), before, after)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.AlertOnly = before.fix(r), before.same(after)
	if !finding.AlertOnly {
		finding.Revert = before.revert(r)
	}
	return finding, nil
}

// protects reports whether a key with these tags and aliases is protected.
func (s Settings) protects(tags []types.Tag, aliases []string) bool {
	tagged := slices.ContainsFunc(tags, func(t types.Tag) bool { return aws.ToString(t.TagKey)+"="+aws.ToString(t.TagValue) == s.ProtectedTag })
	return tagged || slices.ContainsFunc(aliases, func(alias string) bool { return slices.Contains(s.ProtectedAliases, alias) })
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	id, client := finding.Resource.ID, kms.NewFromConfig(run.AWS)
	if before.pending() {
		if _, err := client.CancelKeyDeletion(ctx, &kms.CancelKeyDeletionInput{KeyId: &id}); err != nil {
			return fmt.Errorf("cancel the deletion of key %s: %w", id, err)
		}
	}
	if before.State != after.State {
		if _, err := client.EnableKey(ctx, &kms.EnableKeyInput{KeyId: &id}); err != nil {
			return fmt.Errorf("enable key %s: %w", id, err)
		}
	}
	if before.Rotation != after.Rotation {
		if _, err := client.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &id}); err != nil {
			return fmt.Errorf("enable the rotation of key %s: %w", id, err)
		}
	}
	return nil
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	id, client := finding.Resource.ID, kms.NewFromConfig(run.AWS)
	key, err := describe(ctx, client, id)
	switch {
	case err != nil:
		return err
	case key == nil:
		return fmt.Errorf("key %s is gone: %w", id, remediations.Changed(nil))
	}
	present := stateOf(key)
	if before.Rotation != "" && !present.pending() {
		if present.Rotation, err = rotation(ctx, client, id); err != nil {
			return err
		}
	}
	half := after // done by an earlier attempt
	half.Rotation = before.Rotation
	if !present.same(after) && (half.same(before) || !present.same(half)) {
		return fmt.Errorf("key %s: %w", id, remediations.Changed(present))
	}
	return before.restore(ctx, client, id, present)
}

// restore puts back what the action has changed. Rotation comes first: KMS changes it of enabled keys only.
func (s state) restore(ctx context.Context, client *kms.Client, id string, present state) error {
	if s.Rotation != present.Rotation {
		if _, err := client.DisableKeyRotation(ctx, &kms.DisableKeyRotationInput{KeyId: &id}); err != nil {
			return fmt.Errorf("disable the rotation of key %s: %w", id, err)
		}
	}
	switch {
	case s.pending():
		if _, err := client.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(s.days())}); err != nil {
			return fmt.Errorf("schedule the deletion of key %s: %w", id, err)
		}
	case s.State == disabled:
		if _, err := client.DisableKey(ctx, &kms.DisableKeyInput{KeyId: &id}); err != nil {
			return fmt.Errorf("disable key %s: %w", id, err)
		}
	}
	return nil
}

// states is the state of the key before and after the action.
func states(finding *remediations.Finding) (before, after state, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return before, after, fmt.Errorf("decode the state of key %s: %w", finding.Resource.ID, err)
	}
	if before.State == importing || before.same(after) || !after.same(before.right()) {
		return before, after, fmt.Errorf("the states of key %s are none that the action has changed", finding.Resource.ID)
	}
	return before, after, nil
}
