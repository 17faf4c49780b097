package rdssnapshotpublic_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
	"github.com/countermand/countermand/remediations/modules/rdssnapshotpublic"
	"github.com/countermand/countermand/remediations/moduletest"
)

// listInstances is a page of no snapshots, and then all that somebody has made.
func (r *region) listInstances(in *rds.DescribeDBSnapshotsInput) (*rds.DescribeDBSnapshotsOutput, error) {
	switch {
	case aws.ToString(in.SnapshotType) != "manual":
		return nil, moduletest.Error("InvalidParameterValue")
	case in.Marker == nil:
		return &rds.DescribeDBSnapshotsOutput{Marker: aws.String("2")}, nil
	}
	out := &rds.DescribeDBSnapshotsOutput{}
	for _, id := range slices.Sorted(maps.Keys(r.Instances)) {
		out.DBSnapshots = append(out.DBSnapshots, types.DBSnapshot{DBSnapshotIdentifier: &id})
	}
	return out, nil
}

func (r *region) listClusters(in *rds.DescribeDBClusterSnapshotsInput) (*rds.DescribeDBClusterSnapshotsOutput, error) {
	switch {
	case aws.ToString(in.SnapshotType) != "manual":
		return nil, moduletest.Error("InvalidParameterValue")
	case in.Marker == nil:
		return &rds.DescribeDBClusterSnapshotsOutput{Marker: aws.String("2")}, nil
	}
	out := &rds.DescribeDBClusterSnapshotsOutput{}
	for _, id := range slices.Sorted(maps.Keys(r.Clusters)) {
		out.DBClusterSnapshots = append(out.DBClusterSnapshots, types.DBClusterSnapshot{DBClusterSnapshotIdentifier: &id})
	}
	return out, nil
}

// The accounts that are not trusted are taken out, in one call, and given back.
func TestTrusted(t *testing.T) {
	for _, resource := range []remediations.Resource{instance, cluster} {
		r := open()
		both(r)
		mine := r.Instances
		if resource == cluster {
			mine = r.Clusters
		}
		run := r.run()
		run.Settings = sharing.Settings{TrustedAccounts: []remediations.AccountID{partner}}
		found, err := rdssnapshotpublic.Module.Guard(t.Context(), run, resource)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(found.Fix, " --values-to-remove all '777788889999'") || !strings.HasSuffix(found.Revert, " --values-to-add all '777788889999'") {
			t.Errorf("%s: the commands are %s and %s", resource, found.Fix, found.Revert)
		}
		if err := rdssnapshotpublic.Module.Action(t.Context(), run, found); err != nil || !slices.Equal(mine[id], []string{partner}) || r.writes != 1 {
			t.Errorf("%s: after %d writes it is shared with %q, %v", resource, r.writes, mine[id], err)
		}
		if err := rdssnapshotpublic.Module.Undo(t.Context(), run, found); err != nil || !slices.Equal(mine[id], []string{partner, unknown, "all"}) {
			t.Errorf("%s: after undo it is shared with %q, %v", resource, mine[id], err)
		}
	}
}

func TestSweep(t *testing.T) {
	r := open()
	r.Instances["awsbackup:job-1"] = nil
	var got []string
	for s, err := range rdssnapshotpublic.Module.Sweep(t.Context(), r.run()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Type+" "+s.ID)
	}
	want := []string{cluster.Type + " " + other, cluster.Type + " " + id, instance.Type + " " + other, instance.Type + " " + id}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it looks at %q, want %q", got, want)
	}
	r.Clusters["x; rm -rf"] = nil
	var errs int
	for _, err := range rdssnapshotpublic.Module.Sweep(t.Context(), r.run()) {
		if err != nil {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("a name that can't be leads to %d errors", errs)
	}
	for range rdssnapshotpublic.Module.Sweep(t.Context(), open().run()) {
		break // and nothing is asked of it any more
	}
}
