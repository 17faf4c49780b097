package tagoncreate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/remediations"
)

// service is how one service's resources are tagged. Each is asked by its own API: the Resource Groups Tagging API, which
// knows most of them, goes on telling of what is gone, does not tell of what never had a tag, and is behind with what has
// changed, so that a tag which is there would be overwritten.
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
type service struct {
	read   func(context.Context, aws.Config, target) (map[string]tags, error) // by id; errGone if there is no such resource
	add    func(context.Context, aws.Config, target, tags) error
	remove func(context.Context, aws.Config, target, tags) error // those of these values, where the API can tell

	adding, removing func(target, tags) string // the AWS CLI commands for the same

	reads          []string // IAM's actions for it that can be narrowed down to the resource
	write, unwrite string
}

// target is what is tagged: several resources of EC2's, or one of another service's.
type target struct {
	ids             []string
	account, region string
}

func (t target) id() string { return t.ids[0] }

// errGone is the answer about a resource that was deleted since.
var errGone = errors.New("there is no such resource any more")

// one makes the reading of one resource's tags that of a service.
func one(read func(context.Context, aws.Config, string) (tags, error), gone ...string) func(context.Context, aws.Config, target) (map[string]tags, error) {
	return func(ctx context.Context, cfg aws.Config, t target) (map[string]tags, error) {
		present, err := read(ctx, cfg, t.id())
		switch {
		case slices.Contains(gone, remediations.ErrorCode(err)):
			return nil, errGone
		case err != nil:
			return nil, fmt.Errorf("read the tags of %s: %w", t.id(), err)
		}
		return map[string]tags{t.id(): present}, nil
	}
}

// keysOf is the keys of tags, sorted.
func keysOf(t tags) []string { return slices.Sorted(maps.Keys(t)) }

// list is tags in an API's own type, sorted by their keys.
func list[T any](t tags, tag func(key, value *string) T) []T {
	var all []T
	for _, key := range keysOf(t) {
		all = append(all, tag(aws.String(key), aws.String(t[key])))
	}
	return all
}

// unlist is tags from an API's own type.
func unlist[T any](all []T, tag func(T) (key, value *string)) tags {
	t := tags{}
	for _, each := range all {
		key, value := tag(each)
		t[aws.ToString(key)] = aws.ToString(value)
	}
	return t
}

// errNoTags is an answer that has no list of tags, not even an empty one: it is none of the API's.
var errNoTags = errors.New("the answer holds no tags, and does not say that there are none")

// command is an AWS CLI command: words that need no quotes, the Region, and then flags and their values in turn.
func command(words, region string, flags ...string) string {
	text := "aws " + words + " --region " + region
	for i, word := range flags {
		if i%2 == 1 {
			word = remediations.Quote(word)
		}
		text += " " + word
	}
	return text
}

// adds is the command that adds tags in the form of a list, whose elements call a tag's parts so.
func adds(words, flag, key, value string) func(target, tags) string {
	return func(t target, set tags) string {
		pairs := list(set, func(k, v *string) map[string]*string { return map[string]*string{key: k, value: v} })
		return command(words, t.region, flag, t.id(), "--tags", encoded(pairs))
	}
}

// addsObject is the command that adds tags in the form of one object.
func addsObject(words, flag string) func(target, tags) string {
	return func(t target, set tags) string { return command(words, t.region, flag, t.id(), "--tags", encoded(set)) }
}

// removes is the command that removes tags by their keys.
func removes(words, flag string) func(target, tags) string {
	return func(t target, drop tags) string {
		return command(words, t.region, flag, t.id()) + " --tag-keys " + quoted(keysOf(drop))
	}
}

// encoded is JSON for the AWS CLI, which takes any character in it.
func encoded(v any) string {
	text, err := remediations.Encode(v)
	if err != nil {
		return "" // of texts in lists and objects there is none that it refuses
	}
	return string(text)
}

func quoted(words []string) string {
	var all []string
	for _, word := range words {
		all = append(all, remediations.Quote(word))
	}
	return strings.Join(all, " ")
}
