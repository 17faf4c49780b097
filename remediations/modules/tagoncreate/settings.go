package tagoncreate

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Settings is the keys of the tags. Empty: the tag is not written.
type Settings struct {
	OwnerKey      string `json:"ownerKey" doc:"key of the tag for who is to be asked about a resource; empty: not written"`
	CreatedByKey  string `json:"createdByKey" doc:"key of the tag for who created it; empty: not written"`
	CreatedAtKey  string `json:"createdAtKey" doc:"key of the tag for when; empty: not written"`
	CreatedViaKey string `json:"createdViaKey" doc:"key of the tag for how; empty: not written"`
	StartedByKey  string `json:"startedByKey" doc:"key of the tag for who started an instance last; empty: not written"`
}

var defaults = Settings{
	OwnerKey: "Owner", CreatedByKey: "CreatedBy", CreatedAtKey: "CreatedAt", CreatedViaKey: "CreatedVia", StartedByKey: "StartedBy",
}

// tagKey is what all services take as a tag's key. Spaces, which they take as well, are none that anybody means.
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
var tagKey = regexp.MustCompile(`^[A-Za-z0-9+=._:/@-]{1,128}$`)

// Check refuses keys that AWS would refuse, and two that are equal but for their case, which IAM takes for one.
func (s Settings) Check() error {
	seen := map[string]bool{"": true}
	for _, key := range []string{s.OwnerKey, s.CreatedByKey, s.CreatedAtKey, s.CreatedViaKey, s.StartedByKey} {
		folded := strings.ToLower(key)
		switch {
		case key == "":
		case !tagKey.MatchString(key) || strings.HasPrefix(folded, "aws:"):
			return fmt.Errorf("%q can't be the key of a tag", key)
		case seen[folded]:
			return fmt.Errorf("the key %q is given twice", key)
		}
		seen[folded] = true
	}
	if len(seen) == 1 {
		return errors.New("no key is given, so that nothing would be tagged")
	}
	return nil
}
