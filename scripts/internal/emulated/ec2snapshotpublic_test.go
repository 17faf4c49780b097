//go:build emulator

package emulated

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
	"github.com/countermand/countermand/remediations/modules/ec2snapshotpublic"
)

// sharesSnapshots makes up for two things that moto lacks: block public access for snapshots, which is off here, and one
// of the two forms in which AWS takes ModifySnapshotAttribute.
func sharesSnapshots(_ *http.Request, body string, ask ask) (*http.Response, error) {
	switch {
	case calls(body, "GetSnapshotBlockPublicAccessState"):
		return answered(http.StatusOK, "<GetSnapshotBlockPublicAccessStateResponse><state>unblocked</state></GetSnapshotBlockPublicAccessStateResponse>"), nil
	case !calls(body, "ModifySnapshotAttribute"):
		return ask(body)
	}
	parameters, err := url.ParseQuery(body)
	if err != nil {
		return nil, err
	}
	other, counts := url.Values{}, map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		rest, ok := strings.CutPrefix(name, "CreateVolumePermission.")
		if !ok {
			other[name] = parameters[name]
			continue
		}
		parts := strings.Split(rest, ".") // "Add", "1", "Group"
		if len(parts) != 3 {
			return nil, fmt.Errorf("ModifySnapshotAttribute has a parameter %q", name)
		}
		list := map[string]string{"Group": "UserGroup", "UserId": "UserId"}[parts[2]]
		counts[list]++ // each list has numbers of its own
		other.Set("OperationType", strings.ToLower(parts[0]))
		other[fmt.Sprintf("%s.%d", list, counts[list])] = parameters[name]
	}
	return ask(other.Encode())
}

func TestSnapshotPublic(t *testing.T) {
	cfg := bridged(moto(t), sharesSnapshots)
	client := ec2.NewFromConfig(cfg)
	volume := must[*ec2.CreateVolumeOutput](t)(client.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(1)}))
	var ids []string
	for range 2 {
		ids = append(ids, *must[*ec2.CreateSnapshotOutput](t)(client.CreateSnapshot(t.Context(), &ec2.CreateSnapshotInput{VolumeId: volume.VolumeId})).SnapshotId)
	}
	share := func(with ...types.CreateVolumePermission) {
		must[*ec2.ModifySnapshotAttributeOutput](t)(client.ModifySnapshotAttribute(t.Context(), &ec2.ModifySnapshotAttributeInput{
			SnapshotId: &ids[0], Attribute: types.SnapshotAttributeNameCreateVolumePermission, CreateVolumePermission: &types.CreateVolumePermissionModifications{Add: with},
		}))
	}
	share(types.CreateVolumePermission{UserId: aws.String("444455556666")})
	play(t, scene{
		module: ec2snapshotpublic.Module, aws: cfg, broken: ids[0],
		settings: sharing.Settings{TrustedAccounts: []remediations.AccountID{"444455556666"}},
		state: func() any {
			shared := map[string]map[string]bool{}
			for _, id := range ids {
				shared[id] = map[string]bool{}
				out := must[*ec2.DescribeSnapshotAttributeOutput](t)(client.DescribeSnapshotAttribute(t.Context(), &ec2.DescribeSnapshotAttributeInput{
					SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
				}))
				for _, p := range out.CreateVolumePermissions {
					shared[id][string(p.Group)+aws.ToString(p.UserId)] = true
				}
			}
			return shared
		},
		call: func() call {
			share(types.CreateVolumePermission{Group: types.PermissionGroupAll}, types.CreateVolumePermission{UserId: aws.String("777788889999")})
			return call{
				source: "ec2.amazonaws.com", name: "ModifySnapshotAttribute",
				request:  `{"snapshotId":"` + ids[0] + `","createVolumePermission":{"add":{"items":[{"group":"all"},{"userId":"777788889999"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}`,
				response: `{"requestId":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","_return":true}`,
			}
		},
	})
}
