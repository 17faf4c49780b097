package tagoncreate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// maxTags is how many tags a resource can have, not counting those that AWS sets ("aws:...").
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
const maxTags = 50

// tags is the tags of one resource. Their keys are case-sensitive.
type tags map[string]string

// ours is the values of the three tags; nil for one that is not there.
func (t tags) ours() map[string]*string {
	values := map[string]*string{}
	for _, key := range keys {
		values[key] = nil
		if value, ok := t[key]; ok {
			values[key] = &value
		}
	}
	return values
}

// counted is how many tags count towards the limit.
func (t tags) counted() int {
	n := 0
	for key := range t {
		if !strings.HasPrefix(strings.ToLower(key), "aws:") {
			n++
		}
	}
	return n
}

// readTags is the tags of resources, by id.
func readTags(ctx context.Context, client *ec2.Client, ids []string) (map[string]tags, error) {
	all := map[string]tags{}
	pages := ec2.NewDescribeTagsPaginator(client, &ec2.DescribeTagsInput{
		Filters: []types.Filter{{Name: aws.String("resource-id"), Values: ids}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe tags of %s: %w", strings.Join(ids, ", "), err)
		}
		for _, t := range page.Tags {
			id := aws.ToString(t.ResourceId)
			if all[id] == nil {
				all[id] = tags{}
			}
			all[id][aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
	}
	return all, nil
}

func (s state) ids() []string { return slices.Sorted(maps.Keys(s)) }

func same(a, b map[string]*string) bool {
	return maps.EqualFunc(a, b, equal)
}

// between reports whether each of the values is as before or as after.
func between(now, before, after map[string]*string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool {
		return !equal(now[key], before[key]) && !equal(now[key], after[key])
	})
}

func equal(a, b *string) bool { return (a == nil) == (b == nil) && aws.ToString(a) == aws.ToString(b) }

// addition is tags that are added to resources which lack the very same ones: one call.
type addition struct {
	ids  []string
	tags []types.Tag
}

// additions is what is in after and was not in before. A resource that before does not know is left alone.
func additions(before, after state) []addition {
	var all []addition
	number := map[string]int{}
	for _, id := range after.ids() {
		if before[id] == nil {
			continue
		}
		var missing []types.Tag
		var name strings.Builder
		for _, key := range keys {
			if value := after[id][key]; value != nil && before[id][key] == nil {
				missing = append(missing, types.Tag{Key: aws.String(key), Value: value})
				fmt.Fprintf(&name, "%s=%q ", key, *value)
			}
		}
		if len(missing) == 0 {
			continue
		}
		i, ok := number[name.String()]
		if !ok {
			i = len(all)
			number[name.String()] = i
			all = append(all, addition{tags: missing})
		}
		all[i].ids = append(all[i].ids, id)
	}
	return all
}

func (a addition) create(ctx context.Context, client *ec2.Client) error {
	if _, err := client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: a.ids, Tags: a.tags}); err != nil {
		return fmt.Errorf("create tags of %s: %w", strings.Join(a.ids, ", "), err)
	}
	return nil
}

// remove names the values, too: EC2 then leaves a tag alone whose value has changed.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
func (a addition) remove(ctx context.Context, client *ec2.Client) error {
	if _, err := client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: a.ids, Tags: a.tags}); err != nil {
		return fmt.Errorf("delete tags of %s: %w", strings.Join(a.ids, ", "), err)
	}
	return nil
}

// command is the AWS CLI command of a call. The values hold neither quotes nor backslashes: clean has seen
// to it.
func (a addition) command(subcommand, region string) string {
	words := append([]string{"aws ec2", subcommand, "--region", region, "--resources"}, a.ids...)
	words = append(words, "--tags")
	for _, t := range a.tags {
		words = append(words, fmt.Sprintf(`'Key=%s,Value="%s"'`, *t.Key, *t.Value))
	}
	return strings.Join(words, " ")
}
