package kmskeyloss_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations/modules/kmskeyloss"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	id      = "0a1b2c3d-4e5f-4071-8293-a4b5c6d7e8f9"
	other   = "0f0e0d0c-0b0a-4908-8706-050403020100"
	managed = "1f0e0d0c-0b0a-4908-8706-050403020100" // by AWS
	resting = "2f0e0d0c-0b0a-4908-8706-050403020100" // disabled, and nobody minds
	awaited = "3f0e0d0c-0b0a-4908-8706-050403020100" // new, and without its material as yet
	arn     = "arn:aws:kms:eu-central-1:111122223333:key/"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	stack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:AWSCloudFormation","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/AWSCloudFormation","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-kms-key-loss","arn":"arn:aws:sts::111122223333:assumed-role/countermand-kms-key-loss/countermand-kms-key-loss","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-kms-key-loss","accountId":"111122223333","userName":"countermand-kms-key-loss"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call; more is further fields of the record.
func record(t *testing.T, who, eventID, name, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.11","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"kms.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const (
	eventID   = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01"
	byID      = `{"keyId":"` + id + `"}`
	resources = `"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"` + arn + id + `"}],`
	quiet     = `"responseElements":null,` + resources
	scheduled = `"responseElements":{"keyId":"` + arn + id + `","keyState":"PendingDeletion","deletionDate":"Apr 1, 2026, 9:14:55 AM","pendingWindowInDays":30},` + resources
	refused   = `"errorCode":"AccessDenied","errorMessage":"not authorized","responseElements":null,`
)

// key is a key. Those of its fields that are empty are as of most keys.
type key struct {
	State    types.KeyState
	Days     int32 // of the waiting period
	Rotation bool
	Manager  types.KeyManagerType
	Spec     types.KeySpec
	Origin   types.OriginType
	Region   types.MultiRegionKeyType
	Tags     []string // key=value
	Aliases  []string
}

// region is the keys of an account.
type region struct {
	Keys   map[string]*key
	fail   map[string]string // error code by operation
	answer func(*types.KeyMetadata)
	alias  string // the key that aliases are of, if not the one that was asked for
	writes []string
}

// deletion is when a key goes: so far ahead that undo schedules it with as many days as there can be.
func deletion(days int32) time.Time {
	return time.Date(2126, 1, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, int(days))
}

func or[T comparable](value, usual T) T {
	var none T
	if value == none {
		return usual
	}
	return value
}

// ask is the key that an operation is about, if KMS lets that be done in its state.
func (r *region) ask(operation string, id *string, states ...types.KeyState) (*key, error) {
	k := r.Keys[aws.ToString(id)]
	switch {
	case r.fail[operation] != "":
		return nil, moduletest.Error(r.fail[operation])
	case k == nil:
		return nil, moduletest.Error("NotFoundException")
	case len(states) > 0 && !slices.Contains(states, k.State):
		return nil, moduletest.Error("KMSInvalidStateException")
	case len(states) > 0:
		r.writes = append(r.writes, operation)
	}
	return k, nil
}

func (r *region) describe(in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	k, err := r.ask("describe", in.KeyId)
	if err != nil {
		return nil, err
	}
	m := &types.KeyMetadata{
		KeyId: in.KeyId, Arn: aws.String(arn + *in.KeyId), KeyState: k.State, Enabled: k.State == types.KeyStateEnabled,
		KeyManager: or(k.Manager, types.KeyManagerTypeCustomer), KeySpec: or(k.Spec, types.KeySpecSymmetricDefault), Origin: or(k.Origin, types.OriginTypeAwsKms),
	}
	switch k.State {
	case types.KeyStatePendingDeletion:
		m.DeletionDate = aws.Time(deletion(k.Days))
	case types.KeyStatePendingReplicaDeletion:
		m.PendingDeletionWindowInDays = &k.Days
	}
	if k.Region != "" {
		m.MultiRegion, m.MultiRegionConfiguration = aws.Bool(true), &types.MultiRegionConfiguration{MultiRegionKeyType: k.Region}
	}
	if r.answer != nil {
		r.answer(m)
	}
	return &kms.DescribeKeyOutput{KeyMetadata: m}, nil
}

func (r *region) rotation(in *kms.GetKeyRotationStatusInput) (*kms.GetKeyRotationStatusOutput, error) {
	k, err := r.ask("rotation", in.KeyId)
	if err != nil {
		return nil, err
	}
	return &kms.GetKeyRotationStatusOutput{KeyId: in.KeyId, KeyRotationEnabled: k.Rotation}, nil
}

// tags answers one tag a page.
func (r *region) tags(in *kms.ListResourceTagsInput) (*kms.ListResourceTagsOutput, error) {
	k, err := r.ask("tags", in.KeyId)
	if err != nil {
		return nil, err
	}
	out := &kms.ListResourceTagsOutput{}
	if at := len(aws.ToString(in.Marker)); at < len(k.Tags) {
		name, value, _ := strings.Cut(k.Tags[at], "=")
		out.Tags = []types.Tag{{TagKey: &name, TagValue: &value}}
		out.Truncated, out.NextMarker = true, aws.String(strings.Repeat("m", at+1))
	}
	return out, nil
}

func (r *region) aliases(in *kms.ListAliasesInput) (*kms.ListAliasesOutput, error) {
	k, err := r.ask("aliases", in.KeyId)
	if err != nil {
		return nil, err
	}
	out := &kms.ListAliasesOutput{}
	if at := len(aws.ToString(in.Marker)); at < len(k.Aliases) {
		out.Aliases = []types.AliasListEntry{{AliasName: &k.Aliases[at], TargetKeyId: aws.String(or(r.alias, *in.KeyId))}}
		out.Truncated, out.NextMarker = true, aws.String(strings.Repeat("m", at+1))
	}
	return out, nil
}

// list answers one key a page.
func (r *region) list(in *kms.ListKeysInput) (*kms.ListKeysOutput, error) {
	if r.fail["list"] != "" {
		return nil, moduletest.Error(r.fail["list"])
	}
	var ids []string
	for id := range r.Keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := &kms.ListKeysOutput{}
	if at := len(aws.ToString(in.Marker)); at < len(ids) {
		out.Keys = []types.KeyListEntry{{KeyId: &ids[at], KeyArn: aws.String(arn + ids[at])}}
		out.Truncated, out.NextMarker = true, aws.String(strings.Repeat("m", at+1))
	}
	return out, nil
}

func (r *region) cancel(in *kms.CancelKeyDeletionInput) (*kms.CancelKeyDeletionOutput, error) {
	k, err := r.ask("cancel", in.KeyId, types.KeyStatePendingDeletion, types.KeyStatePendingReplicaDeletion)
	if err != nil {
		return nil, err
	}
	k.State, k.Days = types.KeyStateDisabled, 0
	return &kms.CancelKeyDeletionOutput{KeyId: aws.String(arn + *in.KeyId)}, nil
}

func (r *region) enable(in *kms.EnableKeyInput) (*kms.EnableKeyOutput, error) {
	k, err := r.ask("enable", in.KeyId, types.KeyStateEnabled, types.KeyStateDisabled)
	if err != nil {
		return nil, err
	}
	k.State = types.KeyStateEnabled
	return &kms.EnableKeyOutput{}, nil
}

func (r *region) rotate(in *kms.EnableKeyRotationInput) (*kms.EnableKeyRotationOutput, error) {
	k, err := r.ask("rotate", in.KeyId, types.KeyStateEnabled)
	if err != nil {
		return nil, err
	}
	k.Rotation = true
	return &kms.EnableKeyRotationOutput{}, nil
}

func (r *region) schedule(in *kms.ScheduleKeyDeletionInput) (*kms.ScheduleKeyDeletionOutput, error) {
	k, err := r.ask("schedule", in.KeyId, types.KeyStateEnabled, types.KeyStateDisabled)
	if err != nil {
		return nil, err
	}
	k.State, k.Days = types.KeyStatePendingDeletion, aws.ToInt32(in.PendingWindowInDays)
	if k.Region == types.MultiRegionKeyTypePrimary {
		k.State = types.KeyStatePendingReplicaDeletion
	}
	return &kms.ScheduleKeyDeletionOutput{KeyId: aws.String(arn + *in.KeyId), KeyState: k.State}, nil
}

func (r *region) disable(in *kms.DisableKeyInput) (*kms.DisableKeyOutput, error) {
	k, err := r.ask("disable", in.KeyId, types.KeyStateEnabled, types.KeyStateDisabled)
	if err != nil {
		return nil, err
	}
	k.State = types.KeyStateDisabled
	return &kms.DisableKeyOutput{}, nil
}

func (r *region) unrotate(in *kms.DisableKeyRotationInput) (*kms.DisableKeyRotationOutput, error) {
	k, err := r.ask("unrotate", in.KeyId, types.KeyStateEnabled)
	if err != nil {
		return nil, err
	}
	k.Rotation = false
	return &kms.DisableKeyRotationOutput{}, nil
}

func (r *region) answers() []moduletest.Answer {
	return []moduletest.Answer{moduletest.On(r.describe), moduletest.On(r.rotation), moduletest.On(r.tags), moduletest.On(r.aliases),
		moduletest.On(r.list), moduletest.On(r.cancel), moduletest.On(r.enable), moduletest.On(r.rotate), moduletest.On(r.schedule),
		moduletest.On(r.disable), moduletest.On(r.unrotate)}
}

const protected = "countermand:protected=true"

// lost is a Region with a protected key that waits for its deletion, and others that are as they should be.
func lost() *region {
	return &region{Keys: map[string]*key{
		id:      {State: types.KeyStatePendingDeletion, Days: 30, Rotation: true, Tags: []string{"team=payments", protected}, Aliases: []string{"alias/payments", "alias/vault"}},
		other:   {State: types.KeyStateEnabled, Tags: []string{protected}},
		managed: {State: types.KeyStateDisabled, Manager: types.KeyManagerTypeAws, Tags: []string{protected}},
		resting: {State: types.KeyStateDisabled},
		awaited: {State: types.KeyStatePendingImport, Origin: types.OriginTypeExternal, Tags: []string{protected}},
	}}
}

func with(changes ...func(*key)) *region {
	r := lost()
	for _, change := range changes {
		change(r.Keys[id])
	}
	return r
}

func world(changes ...func(*key)) func() *moduletest.World {
	return func() *moduletest.World {
		r := with(changes...)
		return &moduletest.World{State: r, Answers: r.answers(), Change: func() {
			if k := r.Keys[id]; k != nil {
				k.State, k.Days = types.KeyStateDisabled, 0
			}
		}}
	}
}

func state(s types.KeyState) func(*key) { return func(k *key) { k.State, k.Days = s, 0 } }
func unrotated(k *key)                  { k.State, k.Days, k.Rotation = types.KeyStateEnabled, 0, false }
func unprotected(k *key)                { k.Tags = []string{"team=payments", "countermand:protected=false"} }
func primary(k *key) {
	k.State, k.Days, k.Region = types.KeyStatePendingReplicaDeletion, 9, types.MultiRegionKeyTypePrimary
}

func Test(t *testing.T) {
	own := func(names ...string) (all [][]byte) {
		for i, name := range names {
			all = append(all, record(t, countermand, fmt.Sprintf("5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b1%d", i), name, byID, quiet))
		}
		return all
	}
	cancelled := own("CancelKeyDeletion", "EnableKey")
	idle := func(name string, event []byte, changes ...func(*key)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	acts := func(name string, event []byte, own [][]byte, changes ...func(*key)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	told := func(name, unswept string, event []byte, changes ...func(*key)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Unswept: unswept}
	}
	set := func(c moduletest.Case, s kmskeyloss.Settings) moduletest.Case {
		c.Settings = s
		return c
	}
	schedule := record(t, dana, eventID, "ScheduleKeyDeletion", `{"keyId":"`+id+`","pendingWindowInDays":30}`, scheduled)
	disable := record(t, dana, eventID, "DisableKey", byID, quiet)
	rotation := record(t, dana, eventID, "DisableKeyRotation", `{"keyId":"`+arn+id+`"}`, quiet)
	material := record(t, dana, eventID, "DeleteImportedKeyMaterial", byID, `"responseElements":{"keyId":"`+arn+id+`"},`+resources)
	back := acts("rotation off", rotation, own("EnableKeyRotation"), unrotated)
	back.Unswept = "a key without rotation is no fault of its own: it must have been turned off"
	imported := func(k *key) { k.State, k.Days, k.Origin = types.KeyStatePendingImport, 0, types.OriginTypeExternal }

	moduletest.Run(t, kmskeyloss.Module,
		acts("to be deleted", schedule, cancelled),
		acts("to be deleted, by CloudFormation", record(t, stack, eventID, "ScheduleKeyDeletion", `{"keyId":"`+arn+id+`","pendingWindowInDays":7}`, scheduled), cancelled),
		acts("to be deleted after its replicas", schedule, cancelled, primary),
		acts("disabled", disable, own("EnableKey"), state(types.KeyStateDisabled)),
		acts("disabled, by an alias", record(t, dana, eventID, "DisableKey", `{"keyId":"arn:aws:kms:eu-central-1:111122223333:alias/vault"}`, quiet), own("EnableKey"), state(types.KeyStateDisabled)),
		acts("disabled, and to be deleted since", disable, cancelled),
		set(acts("protected by an alias", schedule, cancelled), kmskeyloss.Settings{ProtectedTag: "a=b", ProtectedAliases: []string{"alias/other", "alias/vault"}}),
		back,
		told("to be deleted, not protected", "", schedule, unprotected),
		set(told("to be deleted, nothing is protected", "", schedule), kmskeyloss.Settings{}),
		set(told("to be deleted, another alias is protected", "", schedule), kmskeyloss.Settings{ProtectedAliases: []string{"alias/other"}}),
		told("disabled, not protected", "many keys rest so", disable, unprotected, state(types.KeyStateDisabled)),
		told("imported material deleted", "a new key waits for its material, too", material, imported),

		idle("enabled again", schedule, state(types.KeyStateEnabled)),
		idle("rotation is none of this call", disable, unrotated),
		idle("rotated again", rotation, state(types.KeyStateEnabled)),
		idle("KMS can't rotate an asymmetric key", rotation, unrotated, func(k *key) { k.Spec = types.KeySpecRsa2048 }),
		idle("KMS can't rotate imported material", rotation, unrotated, func(k *key) { k.Origin = types.OriginTypeExternal }),
		idle("a replica is rotated with its primary key", rotation, unrotated, func(k *key) { k.Region = types.MultiRegionKeyTypeReplica }),
		idle("made unavailable by its key store", disable, state(types.KeyStateUnavailable)),
		idle("managed by AWS", record(t, dana, eventID, "DisableKey", `{"keyId":"`+managed+`"}`, `"responseElements":null,`)),
		idle("gone", record(t, dana, eventID, "DisableKey", `{"keyId":"9f0e0d0c-0b0a-4908-8706-050403020100"}`, `"responseElements":null,`)),
		idle("the call was refused", record(t, dana, eventID, "ScheduleKeyDeletion", byID, refused)),
		idle("the call was refused, without parameters", record(t, dana, eventID, "DisableKey", "null", refused)),
	)
}
