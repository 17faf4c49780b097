//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
	"github.com/countermand/countermand/remediations/modules/ec2amipublic"
)

func TestAMIPublic(t *testing.T) {
	cfg := moto(t)
	client := ec2.NewFromConfig(cfg)
	var ids []string
	for _, name := range []string{"shared", "private"} {
		image := must[*ec2.RegisterImageOutput](t)(client.RegisterImage(t.Context(), &ec2.RegisterImageInput{Name: &name}))
		ids = append(ids, *image.ImageId)
	}
	share := func(with ...types.LaunchPermission) {
		must[*ec2.ModifyImageAttributeOutput](t)(client.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{
			ImageId: &ids[0], Attribute: aws.String("launchPermission"), LaunchPermission: &types.LaunchPermissionModifications{Add: with},
		}))
	}
	share(types.LaunchPermission{UserId: aws.String("444455556666")})
	play(t, scene{
		module: ec2amipublic.Module, aws: cfg, broken: ids[0],
		settings: sharing.Settings{TrustedAccounts: []remediations.AccountID{"444455556666"}},
		state: func() any {
			var all [][]types.LaunchPermission
			for _, id := range ids {
				out := must[*ec2.DescribeImageAttributeOutput](t)(client.DescribeImageAttribute(t.Context(), &ec2.DescribeImageAttributeInput{ImageId: &id, Attribute: types.ImageAttributeNameLaunchPermission}))
				all = append(all, out.LaunchPermissions)
			}
			return all
		},
		call: func() call {
			share(types.LaunchPermission{Group: types.PermissionGroupAll}, types.LaunchPermission{UserId: aws.String("777788889999")})
			return call{
				source: "ec2.amazonaws.com", name: "ModifyImageAttribute",
				request:  `{"imageId":"` + ids[0] + `","launchPermission":{"add":{"items":[{"group":"all"},{"userId":"777788889999"}]}},"attributeType":"launchPermission"}`,
				response: `{"requestId":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","_return":true}`,
			}
		},
	})
}
