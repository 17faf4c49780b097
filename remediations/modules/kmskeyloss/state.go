package kmskeyloss

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countermand/countermand/remediations"
)

// The states of a key that matter.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
const (
	enabled   = types.KeyStateEnabled
	disabled  = types.KeyStateDisabled
	deleting  = types.KeyStatePendingDeletion
	afterward = types.KeyStatePendingReplicaDeletion // of a primary key, whose replicas have to go first
	importing = types.KeyStatePendingImport          // it has no key material, not yet or no more
)

// state is all of a key that the action changes.
type state struct {
	State    types.KeyState `json:"state"`
	Deletion time.Time      `json:"deletion,omitzero"`  // when it is deleted, if that is known
	Window   int32          `json:"window,omitempty"`   // days from the deletion of its last replica to its own
	Rotation string         `json:"rotation,omitempty"` // "on" or "off"; empty where it is not judged
}

const on, off = "on", "off"

func stateOf(key *types.KeyMetadata) state {
	return state{State: key.KeyState, Deletion: aws.ToTime(key.DeletionDate).UTC(), Window: aws.ToInt32(key.PendingDeletionWindowInDays)}
}

// pending reports whether the key waits for its deletion.
func (s state) pending() bool { return s.State == deleting || s.State == afterward }

// same reports whether two states are one.
func (s state) same(other state) bool {
	return s.State == other.State && s.Deletion.Equal(other.Deletion) && s.Window == other.Window && s.Rotation == other.Rotation
}

// right is the state that the action leaves. A key that is being made, or that its key store has made unavailable, is
// as it should be.
func (s state) right() state {
	switch s.State {
	case disabled, deleting, afterward, importing:
		s.State, s.Deletion, s.Window = enabled, time.Time{}, 0
	}
	if s.Rotation == off {
		s.Rotation = on
	}
	return s
}

// days is the waiting period to schedule the deletion with again: what is left, within what KMS takes.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
func (s state) days() int32 {
	if s.State == afterward {
		return s.Window
	}
	return int32(min(max(math.Ceil(time.Until(s.Deletion).Hours()/24), 7), 30))
}

// reason says what is wrong with the key, and why it is left alone if it is.
func (s state) reason(aliases []string, protected bool) string {
	text := "the key" + names(aliases)
	var wrong []string
	switch s.State {
	case deleting:
		wrong = append(wrong, "will be deleted on "+s.Deletion.Format(time.RFC3339)+", and all that is encrypted with it is lost then (whether it was "+
			"enabled before can't be told)")
	case afterward:
		wrong = append(wrong, fmt.Sprintf("will be deleted %d days after the last of its replicas, and all that is encrypted with it is lost then (whether "+
			"it was enabled before can't be told)", s.Window))
	case disabled:
		wrong = append(wrong, "is disabled, and nobody can read what is encrypted with it")
	case importing:
		wrong = append(wrong, "has no key material, and nobody can read what is encrypted with it: only who has a copy of the material can import it again")
	}
	if s.Rotation == off {
		wrong = append(wrong, "is not rotated any more")
	}
	text += " " + strings.Join(wrong, ", and ")
	if !protected {
		text += "; it is not protected: it has neither the tag nor an alias that the settings name"
	}
	return text
}

// names is the first of a key's aliases. It can have 50, of 250 bytes: who gives it so many must not be able to push the
// rest of an alert out of it.
func names(aliases []string) string {
	const most, length = 3, 60
	text := ""
	for i, alias := range aliases[:min(len(aliases), most)] {
		if i > 0 {
			text += ","
		}
		if len(alias) > length {
			alias = alias[:length] + "..."
		}
		text += " " + alias
	}
	if more := len(aliases) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// fix is the commands that do by hand what the action does; of imported material, what its owner can do.
func (s state) fix(r remediations.Resource) string {
	if s.State == importing {
		return "# Only with a copy of the key material, wrapped with what this answers:\n" +
			command(r, "get-parameters-for-import", "--wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096") + "\n" +
			command(r, "import-key-material", "--import-token fileb://TOKEN --encrypted-key-material fileb://MATERIAL --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE")
	}
	var lines []string
	if s.pending() {
		lines = append(lines, command(r, "cancel-key-deletion"))
	}
	if s.State != s.right().State {
		lines = append(lines, command(r, "enable-key"))
	}
	if s.Rotation == off {
		lines = append(lines, command(r, "enable-key-rotation"))
	}
	return strings.Join(lines, "\n")
}

// revert is the commands that do by hand what undo does.
func (s state) revert(r remediations.Resource) string {
	var lines []string
	if s.Rotation == off {
		lines = append(lines, command(r, "disable-key-rotation"))
	}
	switch {
	case s.pending():
		lines = append(lines, command(r, "schedule-key-deletion", fmt.Sprintf("--pending-window-in-days %d", s.days())))
	case s.State == disabled:
		lines = append(lines, command(r, "disable-key"))
	}
	return strings.Join(lines, "\n")
}

// command is an AWS CLI command about the key. All of rest must be our own words.
func command(r remediations.Resource, subcommand string, rest ...string) string {
	words := append([]string{"aws kms", subcommand, "--region", remediations.Quote(r.Region), "--key-id", remediations.Quote(r.ID)}, rest...)
	return strings.Join(words, " ")
}

// rotates reports whether KMS can rotate the key by itself. Of a multi-Region key that is set on the primary one.
// https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
func rotates(key *types.KeyMetadata) bool {
	replica := key.MultiRegionConfiguration != nil && key.MultiRegionConfiguration.MultiRegionKeyType == types.MultiRegionKeyTypeReplica
	return key.KeySpec == types.KeySpecSymmetricDefault && key.Origin == types.OriginTypeAwsKms && !replica
}

// describe is what there is to know of a key; nil if it is gone.
func describe(ctx context.Context, client *kms.Client, id string) (*types.KeyMetadata, error) {
	out, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	switch {
	case remediations.ErrorCode(err) == "NotFoundException":
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe key %s: %w", id, err)
	case out.KeyMetadata == nil || aws.ToString(out.KeyMetadata.KeyId) != id:
		return nil, fmt.Errorf("describe key %s: the answer is not about it", id)
	case out.KeyMetadata.KeyState == "" || out.KeyMetadata.KeyManager == "":
		return nil, fmt.Errorf("describe key %s: the answer does not hold its state or who manages it", id)
	}
	return out.KeyMetadata, nil
}

// rotation is whether KMS rotates the key.
func rotation(ctx context.Context, client *kms.Client, id string) (string, error) {
	out, err := client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id})
	if err != nil {
		return "", fmt.Errorf("get the rotation of key %s: %w", id, err)
	}
	if out.KeyRotationEnabled {
		return on, nil
	}
	return off, nil
}

func listTags(ctx context.Context, client *kms.Client, id string) ([]types.Tag, error) {
	var all []types.Tag
	pages := kms.NewListResourceTagsPaginator(client, &kms.ListResourceTagsInput{KeyId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the tags of key %s: %w", id, err)
		}
		all = append(all, page.Tags...)
	}
	return all, nil
}

// listAliases is the names of the key's aliases, with alias/ before each.
func listAliases(ctx context.Context, client *kms.Client, id string) ([]string, error) {
	var all []string
	pages := kms.NewListAliasesPaginator(client, &kms.ListAliasesInput{KeyId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the aliases of key %s: %w", id, err)
		}
		for _, a := range page.Aliases {
			if aws.ToString(a.TargetKeyId) != id {
				return nil, fmt.Errorf("list the aliases of key %s: the answer holds one of %q", id, aws.ToString(a.TargetKeyId))
			}
			all = append(all, aws.ToString(a.AliasName))
		}
	}
	return all, nil
}
