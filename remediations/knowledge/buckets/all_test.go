package buckets_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
	"github.com/countermand/countermand/remediations/moduletest"
)

// pages answers with pages of buckets' names; an empty page is an error.
func pages(list ...[]string) (run *remediations.Run, asked *int) {
	asked = new(int)
	answer := func(in any) (any, error) {
		if region := aws.ToString(in.(*s3.ListBucketsInput).BucketRegion); region != "eu-central-1" {
			return nil, errors.New("asked for " + region)
		}
		page := list[*asked]
		*asked++
		if len(page) == 0 {
			return nil, moduletest.Error("AccessDenied")
		}
		out := &s3.ListBucketsOutput{}
		for _, name := range page {
			out.Buckets = append(out.Buckets, types.Bucket{Name: &name})
		}
		if *asked < len(list) {
			out.ContinuationToken = aws.String("next")
		}
		return out, nil
	}
	return &remediations.Run{Account: "111122223333", AWS: moduletest.Config("eu-central-1", answer)}, asked
}

func TestAll(t *testing.T) {
	for _, test := range []struct {
		name  string
		pages [][]string
		most  int // how many are taken
		want  string
		asked int
	}{
		{"two pages", [][]string{{"a", "b"}, {"c"}}, 9, "[a b c]", 2},
		{"enough of the first", [][]string{{"a", "b"}, {"c"}}, 1, "[a]", 1},
		{"the second fails", [][]string{{"a"}, {}}, 9, "[a AccessDenied]", 2},
		{"one without a name", [][]string{{"a", "", "b"}}, 9, "[a error]", 1},
	} {
		run, asked := pages(test.pages...)
		var got []string
		for r, err := range buckets.All(t.Context(), run) {
			switch code := remediations.ErrorCode(err); {
			case code != "":
				got = append(got, code)
			case err != nil:
				got = append(got, "error")
			case r != remediations.Resource{ID: r.ID, Type: buckets.Type, Account: "111122223333", Region: "eu-central-1"}:
				t.Errorf("%s: %+v", test.name, r)
			default:
				got = append(got, r.ID)
			}
			if len(got) == test.most {
				break
			}
		}
		if fmt.Sprint(got) != test.want || *asked != test.asked {
			t.Errorf("%s: %v after %d pages, want %s after %d", test.name, got, *asked, test.want, test.asked)
		}
	}
}

func TestSince(t *testing.T) {
	least := time.Date(2023, time.May, 1, 0, 0, 0, 0, time.UTC)
	run := &remediations.Run{AWS: moduletest.Config("eu-central-1", func(any) (any, error) {
		return &s3.ListBucketsOutput{Buckets: []types.Bucket{
			{Name: aws.String("before"), CreationDate: aws.Time(least.Add(-time.Second))}, {Name: aws.String("at"), CreationDate: &least},
			{Name: aws.String("undated")}, {Name: aws.String("after"), CreationDate: aws.Time(least.Add(time.Hour))},
		}}, nil
	})}
	var got []string
	for r, err := range buckets.Since(t.Context(), run, least) {
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.ID)
	}
	if !slices.Equal(got, []string{"at", "after"}) {
		t.Errorf("since then: %q", got)
	}
}
