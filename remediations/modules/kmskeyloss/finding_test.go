package kmskeyloss_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/kmskeyloss"
	"github.com/countermand/countermand/remediations/moduletest"
)

// run is a module's run in the Region, of an event or of a sweep.
func (r *region) run(event *events.Event) *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *kms.DescribeKeyInput:
			return r.describe(in)
		case *kms.GetKeyRotationStatusInput:
			return r.rotation(in)
		case *kms.ListResourceTagsInput:
			return r.tags(in)
		case *kms.ListAliasesInput:
			return r.aliases(in)
		case *kms.ListKeysInput:
			return r.list(in)
		case *kms.CancelKeyDeletionInput:
			return r.cancel(in)
		case *kms.EnableKeyInput:
			return r.enable(in)
		case *kms.EnableKeyRotationInput:
			return r.rotate(in)
		case *kms.ScheduleKeyDeletionInput:
			return r.schedule(in)
		case *kms.DisableKeyInput:
			return r.disable(in)
		case *kms.DisableKeyRotationInput:
			return r.unrotate(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{Event: event, Account: account, AWS: moduletest.Config("eu-central-1", answer), Settings: kmskeyloss.Module.Settings}
}

var vault = remediations.Resource{ID: id, Type: "AWS::KMS::Key", Account: account, Region: "eu-central-1"}

// called is the run of a call.
func (r *region) called(t *testing.T, name string) *remediations.Run {
	t.Helper()
	event, err := events.Parse(record(t, dana, eventID, name, byID, quiet))
	if err != nil {
		t.Fatal(err)
	}
	return r.run(&event)
}

// lines is AWS CLI commands about the key.
func lines(rest ...string) string {
	var all []string
	for _, r := range rest {
		subcommand, flags, more := strings.Cut(r, " ")
		line := "aws kms " + subcommand + " --region 'eu-central-1' --key-id '" + id + "'"
		if more {
			line += " " + flags
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

func TestFindings(t *testing.T) {
	both := func(k *key) { unrotated(k); k.State = types.KeyStateDisabled }
	imported := func(k *key) {
		k.State, k.Days, k.Origin, k.Aliases = types.KeyStatePendingImport, 0, types.OriginTypeExternal, nil
	}
	const alone = "; it is not protected: it has neither the tag nor an alias that the settings name"
	for _, test := range []struct {
		event         string
		region        *region
		reason        string
		before, after string
		fix, revert   string
	}{
		{"ScheduleKeyDeletion", with(),
			"the key alias/payments, alias/vault will be deleted on 2126-01-31T09:00:00Z, and all that is encrypted with it is lost then (whether it was enabled before can't be told)",
			`{"state":"PendingDeletion","deletion":"2126-01-31T09:00:00Z"}`, `{"state":"Enabled"}`,
			lines("cancel-key-deletion", "enable-key"), lines("schedule-key-deletion --pending-window-in-days 30")},
		{"DisableKeyRotation", with(unprotected), // KMS says that it is off, but does not mean it
			"the key alias/payments, alias/vault will be deleted on 2126-01-31T09:00:00Z, and all that is encrypted with it is lost then (whether it was enabled before can't be told)" + alone,
			`{"state":"PendingDeletion","deletion":"2126-01-31T09:00:00Z"}`, `{"state":"PendingDeletion","deletion":"2126-01-31T09:00:00Z"}`,
			lines("cancel-key-deletion", "enable-key"), ""},
		{"ScheduleKeyDeletion", with(primary),
			"the key alias/payments, alias/vault will be deleted 9 days after the last of its replicas, and all that is encrypted with it is lost then (whether it was enabled before can't be told)",
			`{"state":"PendingReplicaDeletion","window":9}`, `{"state":"Enabled"}`,
			lines("cancel-key-deletion", "enable-key"), lines("schedule-key-deletion --pending-window-in-days 9")},
		{"DisableKey", with(state(types.KeyStateDisabled)),
			"the key alias/payments, alias/vault is disabled, and nobody can read what is encrypted with it",
			`{"state":"Disabled"}`, `{"state":"Enabled"}`, lines("enable-key"), lines("disable-key")},
		{"DisableKeyRotation", with(unrotated),
			"the key alias/payments, alias/vault is not rotated any more",
			`{"state":"Enabled","rotation":"off"}`, `{"state":"Enabled","rotation":"on"}`, lines("enable-key-rotation"), lines("disable-key-rotation")},
		{"DisableKeyRotation", with(unrotated, unprotected),
			"the key alias/payments, alias/vault is not rotated any more" + alone,
			`{"state":"Enabled","rotation":"off"}`, `{"state":"Enabled","rotation":"off"}`, lines("enable-key-rotation"), ""},
		{"DisableKeyRotation", with(both),
			"the key alias/payments, alias/vault is disabled, and nobody can read what is encrypted with it, and is not rotated any more",
			`{"state":"Disabled","rotation":"off"}`, `{"state":"Enabled","rotation":"on"}`,
			lines("enable-key", "enable-key-rotation"), lines("disable-key-rotation", "disable-key")},
		{"DeleteImportedKeyMaterial", with(imported),
			"the key has no key material, and nobody can read what is encrypted with it: only who has a copy of the material can import it again",
			`{"state":"PendingImport"}`, `{"state":"PendingImport"}`,
			"# Only with a copy of the key material, wrapped with what this answers:\n" + lines(
				"get-parameters-for-import --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096",
				"import-key-material --import-token fileb://TOKEN --encrypted-key-material fileb://MATERIAL --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE"), ""},
	} {
		got, err := kmskeyloss.Module.Guard(t.Context(), test.region.called(t, test.event), vault)
		want := &remediations.Finding{Resource: vault, Reason: test.reason, Before: json.RawMessage(test.before), After: json.RawMessage(test.after),
			Fix: test.fix, Revert: test.revert, AlertOnly: test.revert == ""}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.event, err, diff)
		}
	}
}

// Whoever names the key can't push out of sight what is wrong with it.
func TestReasonIsBounded(t *testing.T) {
	long := func(k *key) {
		k.Aliases = nil
		for n := range 50 {
			k.Aliases = append(k.Aliases, fmt.Sprintf("alias/%02d%s", n, strings.Repeat("x", 248)))
		}
	}
	r := with(long)
	found, err := kmskeyloss.Module.Guard(t.Context(), r.called(t, "ScheduleKeyDeletion"), vault)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	x := strings.Repeat("x", 52)
	want := "the key alias/00" + x + "..., alias/01" + x + "..., alias/02" + x + "... and 47 more will be deleted on 2126-01-31T09:00:00Z, and "
	if !strings.HasPrefix(found.Reason, want) {
		t.Errorf("reason is %s", found.Reason)
	}
}

// What was done in two steps is taken back in two steps, and nothing else is touched.
func TestActionAndUndo(t *testing.T) {
	both := func(k *key) { unrotated(k); k.State = types.KeyStateDisabled }
	for _, test := range []struct {
		event      string
		change     func(*key)
		done, back []string
	}{
		{"DisableKeyRotation", both, []string{"enable", "rotate"}, []string{"unrotate", "disable"}},
		{"DisableKeyRotation", unrotated, []string{"rotate"}, []string{"unrotate"}},
		{"DisableKey", state(types.KeyStateDisabled), []string{"enable"}, []string{"disable"}},
		{"ScheduleKeyDeletion", primary, []string{"cancel", "enable"}, []string{"schedule"}},
	} {
		r := with(test.change)
		found, err := kmskeyloss.Module.Guard(t.Context(), r.called(t, test.event), vault)
		if err != nil || found == nil {
			t.Fatalf("%s: the guard found %v, %v", test.event, found, err)
		}
		if err := kmskeyloss.Module.Action(t.Context(), r.run(nil), found); err != nil {
			t.Fatal(err)
		}
		want := lost()
		*want.Keys[id] = *r.Keys[id]
		want.Keys[id].State = types.KeyStateEnabled
		if diff := cmp.Diff(want.Keys, r.Keys); diff != "" || !slices.Equal(r.writes, test.done) {
			t.Errorf("%s: the action wrote %v (-want +got):\n%s", test.event, r.writes, diff)
		}
		r.writes = nil
		if err := kmskeyloss.Module.Undo(t.Context(), r.run(nil), found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(with(test.change).Keys, r.Keys); diff != "" || !slices.Equal(r.writes, test.back) {
			t.Errorf("%s: undo wrote %v (-want +got):\n%s", test.event, r.writes, diff)
		}
	}
}

// Undo goes on where an earlier one has stopped.
func TestHalfOfTheUndo(t *testing.T) {
	both := func(k *key) { unrotated(k); k.State = types.KeyStateDisabled }
	found, err := kmskeyloss.Module.Guard(t.Context(), with(both).called(t, "DisableKeyRotation"), vault)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	r := with(unrotated)
	err = kmskeyloss.Module.Undo(t.Context(), r.run(nil), found)
	if diff := cmp.Diff(with(both).Keys, r.Keys); err != nil || diff != "" || !slices.Equal(r.writes, []string{"disable"}) {
		t.Errorf("undo returned %v and wrote %v (-want +got):\n%s", err, r.writes, diff)
	}
}

// The deletion is scheduled again for the days that are left, as far as KMS lets that be.
func TestUndoKeepsTheDate(t *testing.T) {
	for left, days := range map[time.Duration]int32{
		-time.Hour: 7, time.Hour: 7, 7 * 24 * time.Hour: 7, 7*24*time.Hour + time.Second: 8, 20 * 24 * time.Hour: 20, 29*24*time.Hour + time.Hour: 30, 90 * 24 * time.Hour: 30,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := with()
			r.answer = func(m *types.KeyMetadata) {
				if m.DeletionDate != nil {
					m.DeletionDate = aws.Time(time.Now().Add(left))
				}
			}
			found, err := kmskeyloss.Module.Guard(t.Context(), r.called(t, "ScheduleKeyDeletion"), vault)
			if err != nil || found == nil {
				t.Fatalf("the guard found %v, %v", found, err)
			}
			r.Keys[id].State = types.KeyStateEnabled
			if err := kmskeyloss.Module.Undo(t.Context(), r.run(nil), found); err != nil || r.Keys[id].Days != days {
				t.Errorf("with %s left undo returned %v and has left %d days: want %d", left, err, r.Keys[id].Days, days)
			}
		})
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	fail := func(operation string) *region {
		r := with(unrotated)
		r.fail = map[string]string{operation: "AccessDeniedException"}
		return r
	}
	say := func(answer func(*types.KeyMetadata)) *region {
		r := with(unrotated)
		r.answer = answer
		return r
	}
	foreign := with(unrotated)
	foreign.alias = other
	for name, r := range map[string]*region{
		"no right to describe":  fail("describe"),
		"no right to ask":       fail("rotation"),
		"no right to see tags":  fail("tags"),
		"no right to list":      fail("aliases"),
		"another key's answer":  say(func(m *types.KeyMetadata) { m.KeyId = aws.String(other) }),
		"no state":              say(func(m *types.KeyMetadata) { m.KeyState = "" }),
		"no manager":            say(func(m *types.KeyMetadata) { m.KeyManager = "" }),
		"another key's aliases": foreign,
		"nothing":               say(func(m *types.KeyMetadata) { *m = types.KeyMetadata{} }),
	} {
		if found, err := kmskeyloss.Module.Guard(t.Context(), r.called(t, "DisableKeyRotation"), vault); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

func TestUndoRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		event   string
		before  func(*key)
		change  func(*region)
		present string // what there is now, of a refusal since the state has changed
		code    string // of AWS's error otherwise
	}{
		{"disabled by somebody", "ScheduleKeyDeletion", func(*key) {}, func(r *region) { r.Keys[id].State = types.KeyStateDisabled }, `{"state":"Disabled"}`, ""},
		{"scheduled by somebody", "DisableKey", state(types.KeyStateDisabled), func(r *region) { r.Keys[id].State, r.Keys[id].Days = types.KeyStatePendingDeletion, 7 },
			`{"state":"PendingDeletion","deletion":"2126-01-08T09:00:00Z"}`, ""},
		{"rotation off again", "DisableKeyRotation", unrotated, func(r *region) { r.Keys[id].Rotation = false }, `{"state":"Enabled","rotation":"off"}`, ""},
		{"scheduled by somebody, which hides its rotation", "DisableKeyRotation", unrotated, func(r *region) {
			r.Keys[id].State, r.Keys[id].Days, r.Keys[id].Rotation = types.KeyStatePendingDeletion, 7, false
		}, `{"state":"PendingDeletion","deletion":"2126-01-08T09:00:00Z"}`, ""},
		{"deleted", "DisableKey", state(types.KeyStateDisabled), func(r *region) { delete(r.Keys, id) }, "null", ""},
		{"can't be read", "DisableKey", state(types.KeyStateDisabled), func(r *region) { r.fail = map[string]string{"describe": "AccessDeniedException"} }, "", "AccessDeniedException"},
		{"rotation can't be read", "DisableKeyRotation", unrotated, func(r *region) { r.fail = map[string]string{"rotation": "AccessDeniedException"} }, "", "AccessDeniedException"},
	} {
		r := with(test.before)
		found, err := kmskeyloss.Module.Guard(t.Context(), r.called(t, test.event), vault)
		if err != nil || found == nil {
			t.Fatalf("%s: the guard found %v, %v", test.name, found, err)
		}
		if err := kmskeyloss.Module.Action(t.Context(), r.run(nil), found); err != nil {
			t.Fatal(err)
		}
		test.change(r)
		r.writes = nil
		err = kmskeyloss.Module.Undo(t.Context(), r.run(nil), found)
		var changed *remediations.ChangedError
		present := ""
		if errors.As(err, &changed) {
			present = string(changed.Present)
		}
		if err == nil || present != test.present || remediations.ErrorCode(err) != test.code || len(r.writes) > 0 {
			t.Errorf("%s: undo returned %v with %q, and wrote %v", test.name, err, present, r.writes)
		}
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, damage := range [][2]string{
		{"", `{"state":"Enabled"}`},
		{`{"state":"Disabled"}`, ""},
		{"null", "null"},
		{`{"state":"Enabled"}`, `{"state":"Enabled"}`},
		{`{"state":"Enabled"}`, `{"state":"Disabled"}`},
		{`{"state":"PendingImport"}`, `{"state":"Enabled"}`},
		{`{"state":"Disabled"}`, `{"state":"Enabled","rotation":"on"}`},
	} {
		r := with(state(types.KeyStateEnabled))
		found := &remediations.Finding{Resource: vault, Before: json.RawMessage(damage[0]), After: json.RawMessage(damage[1])}
		for _, step := range []func() error{
			func() error { return kmskeyloss.Module.Action(t.Context(), r.run(nil), found) },
			func() error { return kmskeyloss.Module.Undo(t.Context(), r.run(nil), found) },
		} {
			if err := step(); err == nil || errors.Is(err, remediations.ErrChanged) || len(r.writes) > 0 {
				t.Errorf("before %s and after %s led to %v and to %v", found.Before, found.After, err, r.writes)
			}
		}
	}
}

func TestSweep(t *testing.T) {
	r := lost()
	var got []string
	for key, err := range kmskeyloss.Module.Sweep(t.Context(), r.run(nil)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, key.ID)
		if len(got) == 3 {
			break
		}
	}
	if diff := cmp.Diff([]string{id, other, managed}, got); diff != "" {
		t.Errorf("swept (-want +got):\n%s", diff)
	}
	r.Keys["alias/odd"] = &key{}
	errs := 0
	for _, err := range kmskeyloss.Module.Sweep(t.Context(), r.run(nil)) {
		if err != nil {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("an answer that is no key's id led to %d errors", errs)
	}
}

// Most keys that a sweep looks at are as they should be: one call is enough for them.
func TestHealthyKeysCostOneCall(t *testing.T) {
	r := with(state(types.KeyStateEnabled))
	r.fail = map[string]string{"tags": "ThrottlingException", "aliases": "ThrottlingException", "rotation": "ThrottlingException"}
	if found, err := kmskeyloss.Module.Guard(t.Context(), r.run(nil), vault); err != nil || found != nil {
		t.Errorf("the guard found %v, %v", found, err)
	}
}

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		settings kmskeyloss.Settings
		ok       bool
	}{
		{kmskeyloss.Settings{}, true},
		{kmskeyloss.Settings{ProtectedTag: "protected="}, true},
		{kmskeyloss.Settings{ProtectedTag: "tier=a=b", ProtectedAliases: []string{"alias/vault", "alias/team/vault"}}, true},
		{kmskeyloss.Settings{ProtectedTag: "protected"}, false},
		{kmskeyloss.Settings{ProtectedTag: "=true"}, false},
		{kmskeyloss.Settings{ProtectedAliases: []string{"vault"}}, false},
		{kmskeyloss.Settings{ProtectedAliases: []string{"alias/"}}, false},
	} {
		if err := test.settings.Check(); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.settings, err)
		}
	}
}

func TestSuspects(t *testing.T) {
	const mrk = "mrk-0a1b2c3d4e5f407182930a1b2c3d4e5f"
	for _, test := range []struct{ parameters, more, want string }{
		{byID, quiet, id},
		{`{"keyId":"` + arn + id + `"}`, `"responseElements":null,`, id},
		{`{"keyId":"` + mrk + `"}`, `"responseElements":null,`, mrk},
		{`{"keyId":"alias/vault"}`, `"responseElements":{"keyId":"` + arn + mrk + `"},`, mrk},
		{`{"keyId":"arn:aws:kms:eu-central-1:111122223333:alias/vault"}`, quiet, id},
		{`null`, quiet, id},
		{`{"keyId":"alias/vault"}`, `"responseElements":null,`, ""},
		{`{"keyId":""}`, `"responseElements":null,`, ""},
		{`{"keyId":"` + id + `'; rm -rf ~"}`, `"responseElements":null,`, ""},
		{`{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/` + id + `"}`, `"responseElements":null,`, ""},
		{`{"keyId":"arn:aws:kms:eu-central-1:444455556666:key/` + id + `"}`, `"responseElements":null,`, ""},
	} {
		event, err := events.Parse(record(t, dana, eventID, "DisableKey", test.parameters, test.more))
		if err != nil {
			t.Fatal(err)
		}
		got, err := kmskeyloss.Module.Suspects(event)
		if test.want == "" {
			if err == nil || got != nil {
				t.Errorf("%s: suspects are %v, %v", test.parameters, got, err)
			}
			continue
		}
		want := vault
		want.ID = test.want
		if diff := cmp.Diff([]remediations.Resource{want}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.parameters, err, diff)
		}
	}
}
