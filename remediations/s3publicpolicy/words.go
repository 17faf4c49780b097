package s3publicpolicy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/policy"
)

// join names a few verdicts. Who is told reads the beginning; an author of hundreds of statements must not be
// able to push the rest of an alert out of it.
func join(verdicts []policy.Verdict) string {
	const most = 4
	var list []string
	for _, v := range verdicts[:min(len(verdicts), most)] {
		list = append(list, v.String())
	}
	if more := len(verdicts) - most; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, "; ")
}

// command is the AWS CLI command that gives the bucket a policy, or takes it away if there is none. It is one
// line of printable ASCII, so that pasting it into a shell does what can be read.
func command(bucket remediations.Resource, text *string) string {
	where := fmt.Sprintf("--bucket %s --expected-bucket-owner %s --region %s", remediations.Quote(bucket.ID), remediations.Quote(bucket.Account), remediations.Quote(bucket.Region))
	if text == nil {
		return "aws s3api delete-bucket-policy " + where
	}
	return "aws s3api put-bucket-policy " + where + " --policy " + remediations.Quote(oneLine(*text))
}

// oneLine is the same JSON value without white space and with all but printable ASCII escaped. Outside of
// strings JSON has nothing else, so an escape is valid wherever one is needed.
func oneLine(text string) string {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) != nil {
		return text // not JSON: no policy that was judged, so there is nothing to shorten
	}
	var line strings.Builder
	for _, r := range compact.String() {
		if ' ' <= r && r <= '~' {
			line.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&line, `\u%04x`, unit)
		}
	}
	return line.String()
}
