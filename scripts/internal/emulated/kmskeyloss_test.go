//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countermand/countermand/remediations/modules/kmskeyloss"
)

// withKeys makes two keys, the first of them protected, and returns their ids and what there is of them: not the day
// of a deletion, which a deletion that is scheduled again puts off.
func withKeys(t *testing.T, cfg aws.Config) (ids []string, state func() any) {
	t.Helper()
	client := kms.NewFromConfig(cfg)
	for _, protected := range []string{"true", "false"} {
		key := must[*kms.CreateKeyOutput](t)(client.CreateKey(t.Context(), &kms.CreateKeyInput{
			Tags: []types.Tag{{TagKey: aws.String("countermand:protected"), TagValue: &protected}},
		}))
		ids = append(ids, *key.KeyMetadata.KeyId)
	}
	return ids, func() any {
		states := map[string]types.KeyState{}
		for _, id := range ids {
			states[id] = must[*kms.DescribeKeyOutput](t)(client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &id})).KeyMetadata.KeyState
		}
		return states
	}
}

func TestKMSKeyLoss(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		ids, state := withKeys(t, cfg)
		play(t, scene{
			module: kmskeyloss.Module, aws: cfg, broken: ids[0], state: state,
			call: func() call {
				must[*kms.ScheduleKeyDeletionOutput](t)(kms.NewFromConfig(cfg).ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &ids[0], PendingWindowInDays: aws.Int32(7)}))
				arn := "arn:aws:kms:us-east-1:" + account + ":key/" + ids[0]
				return call{
					source: "kms.amazonaws.com", name: "ScheduleKeyDeletion",
					request:  `{"keyId":"` + ids[0] + `","pendingWindowInDays":7}`,
					response: `{"keyId":"` + arn + `","keyState":"PendingDeletion","deletionDate":"Apr 1, 2026, 9:14:55 AM","pendingWindowInDays":7}`,
				}
			},
		})
	})
}

func TestKMSKeyDisabled(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		ids, state := withKeys(t, cfg)
		play(t, scene{
			module: kmskeyloss.Module, aws: cfg, broken: ids[0], state: state,
			call: func() call {
				must[*kms.DisableKeyOutput](t)(kms.NewFromConfig(cfg).DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &ids[0]}))
				return call{source: "kms.amazonaws.com", name: "DisableKey", request: `{"keyId":"` + ids[0] + `"}`}
			},
		})
	})
}
