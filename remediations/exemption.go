package remediations

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/countermand/countermand/events"
)

// Exemption keeps modules' hands off until a date. It says of what by Resource, Account, Principal and Tag: one
// of them at least, and all that it has must hold. Its owner and reason are there for the person who later asks
// why.
type Exemption struct {
	Module    string    `json:"module"`              // a module's name, or AllModules
	Resource  string    `json:"resource,omitempty"`  // a resource's ARN, which may hold *, or its ID exactly
	Account   string    `json:"account,omitempty"`   // that owns the resource: 12 digits
	Principal string    `json:"principal,omitempty"` // ARN of the role, user or session that made the call; may hold *
	Tag       string    `json:"tag,omitempty"`       // key=value of the resource, exactly
	Owner     string    `json:"owner"`
	Reason    string    `json:"reason"`
	Expires   time.Time `json:"expires"` // the first instant at which it no longer counts
}

// AllModules is the module of an exemption that is one from every module.
const AllModules = "all"

// ExemptionNotice is how long before its end an exemption begins to be warned of.
const ExemptionNotice = 14 * 24 * time.Hour

// TagPermissions is the rights that the engine needs besides, in a function that has an exemption with a tag, and only there.
var TagPermissions = []Permission{
	{Action: "tag:GetResources", Resource: "*", Why: "an exemption asks for a tag; IAM can't narrow the call down to some resources"},
	{Action: "iam:ListPolicyTags", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/*"},
	{Action: "iam:ListRoleTags", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"},
	{Action: "iam:ListUserTags", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"},
}

// AppliesTo reports whether the exemption is one from a module.
func (x Exemption) AppliesTo(module string) bool { return x.Module == module || x.Module == AllModules }

// Covers reports whether the exemption keeps the module's hands off a resource that a call of who made suspect,
// at a time. Its tag is left to HasTag. An error means that it can't be told, and must not be taken for no.
func (x Exemption) Covers(module string, r Resource, who events.Identity, at time.Time) (bool, error) {
	if !x.AppliesTo(module) || !at.Before(x.Expires) || !x.coversPrincipal(who) {
		return false, nil
	}
	if covered, err := x.coversResource(r); err != nil || !covered || x.Account == "" {
		return covered, err
	}
	owner, err := r.owner()
	return owner == x.Account, err
}

func (x Exemption) coversResource(r Resource) (bool, error) {
	if !strings.HasPrefix(x.Resource, "arn:") {
		return x.Resource == "" || x.Resource == r.ID, nil
	}
	arn, err := r.ARN()
	return err == nil && matchARN(x.Resource, arn), err
}

// coversPrincipal compares with what IAM says the caller is: the ARN of the user or session, and that of the role
// or user that the session's credentials belong to. Nothing else in an event is proof of who made the call.
func (x Exemption) coversPrincipal(who events.Identity) bool {
	return x.Principal == "" || matchARN(x.Principal, who.ARN) || matchARN(x.Principal, who.Issuer.ARN)
}

// HasTag reports whether tags hold the exemption's tag.
func (x Exemption) HasTag(tags map[string]string) bool {
	key, value, _ := strings.Cut(x.Tag, "=")
	got, ok := tags[key]
	return ok && got == value
}

// String is what the exemption is of, as "resource arn:aws:s3:::public-*, account 111122223333".
func (x Exemption) String() string {
	var parts []string
	for _, c := range []struct{ name, value string }{
		{"resource", x.Resource}, {"account", x.Account}, {"principal", x.Principal}, {"tag", x.Tag},
	} {
		if c.value != "" {
			parts = append(parts, c.name+" "+c.value)
		}
	}
	return strings.Join(parts, ", ")
}

// Until is when the exemption ends, for people: "until 2027-03-01, 9 days left".
func (x Exemption) Until(now time.Time) string {
	const day = 24 * time.Hour
	left := "ended"
	if days := int((x.Expires.Sub(now) + day - 1) / day); days == 1 {
		left = "1 day left"
	} else if days > 1 {
		left = fmt.Sprintf("%d days left", days)
	}
	return "until " + x.Expires.Format(time.DateOnly) + ", " + left
}

// EndsSoon reports whether the exemption counts at a time, but not for long.
func (x Exemption) EndsSoon(now time.Time) bool {
	return now.Before(x.Expires) && x.Expires.Sub(now) <= ExemptionNotice
}

// Validate reports an exemption that is of everything, can match nothing, or rests on what a caller chooses.
func (x Exemption) Validate() error {
	var errs []error
	for _, c := range []struct {
		name, value string
		check       func(string) error
	}{
		{"resource", x.Resource, CheckResource}, {"principal", x.Principal, CheckPrincipal}, {"tag", x.Tag, CheckTag},
	} {
		if c.value == "" {
			continue
		}
		if err := c.check(c.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(append(errs, x.checkNarrow(), x.checkAccount())...)
}

// anyNameARN is an ARN whose last segment is no more than stars.
var anyNameARN = regexp.MustCompile(`^arn:.*[:/]\*+$`)

// checkNarrow reports an exemption of everything that a module looks at.
func (x Exemption) checkNarrow() error {
	only := Exemption{Resource: x.Resource}
	switch {
	case x.String() == "":
		return errors.New("an exemption needs a resource, account, principal or tag; for one of everything, set the module's mode: off")
	case x.String() == only.String() && anyNameARN.MatchString(x.Resource):
		return fmt.Errorf("an exemption needs more than the resource %s; for one of everything, set the module's mode: off", x.Resource)
	}
	return nil
}

// checkAccount reports a resource whose ARN is one of another account than the exemption's.
func (x Exemption) checkAccount() error {
	if x.Account == "" || !x.InOtherAccount(x.Account) {
		return nil
	}
	return fmt.Errorf("the exemption can never match: %s is not of account %s", x.Resource, x.Account)
}

// InOtherAccount reports whether the exemption says that its resources belong to another account.
func (x Exemption) InOtherAccount(account string) bool {
	if x.Account != "" && x.Account != account {
		return true
	}
	parts := strings.SplitN(x.Resource, ":", len(arnParts))
	return len(parts) == len(arnParts) && parts[4] != "" && !matchGlob(parts[4], account)
}

// CheckResource reports what is wrong with an exemption's resource.
func CheckResource(text string) error {
	if strings.Contains(text, "?") {
		return fmt.Errorf("want * for any run of characters, got %q: nothing stands for one character", text)
	}
	if !strings.HasPrefix(text, "arn:") {
		if strings.Contains(text, "*") {
			return fmt.Errorf("want an ARN, such as arn:aws:s3:::public-*, or a resource's id exactly as alerts show it, got %q", text)
		}
		return nil
	}
	if err := checkARN(text); err != nil {
		return fmt.Errorf("%q matches no resource: %w", text, err)
	}
	return nil
}

// principalForms is what the resource part of a principal's ARN looks like, by its service. A session's name is
// chosen by whoever assumes the role, and so is any name in an account that is not one's own: neither may decide.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
var principalForms = map[string]*regexp.Regexp{
	"iam": regexp.MustCompile(`^(root|(role|user)/[^:]*[^:/*][^:]*)$`),
	"sts": regexp.MustCompile(`^assumed-role/[^:/]*[^:/*][^:/]*/\*$`),
}

// CheckPrincipal reports what is wrong with an exemption's principal.
func CheckPrincipal(text string) error {
	const want = "want the ARN of a role or user, such as arn:aws:iam::111122223333:role/Deployer*"
	parts := strings.SplitN(text, ":", len(arnParts))
	if len(parts) < len(arnParts) || parts[0] != "arn" {
		return fmt.Errorf("%s, got %q", want, text)
	}
	wrong := func(part int, why string) error {
		return fmt.Errorf("%s; the %s of %q is not: %s", want, arnParts[part], text, why)
	}
	form, known := principalForms[parts[2]]
	switch {
	case strings.Contains(text, "?"):
		return fmt.Errorf("want * for any run of characters, got %q: nothing stands for one character", text)
	case !couldMatch(parts[1], "${Partition}"):
		return wrong(1, "want aws, aws-cn or aws-us-gov")
	case !known:
		return wrong(2, "want iam, or sts for a session")
	case parts[3] != "":
		return wrong(3, "want it empty")
	case !couldMatch(parts[4], "${Account}") || strings.Contains(parts[4], "*"):
		return wrong(4, "want 12 digits, as a role of any name can be made in another account")
	case !form.MatchString(parts[5]) && parts[2] == "sts":
		return wrong(5, "want assumed-role/ROLE/*, as who assumes a role chooses the session's name")
	case !form.MatchString(parts[5]):
		return wrong(5, "want role/ or user/, and more of a name than *")
	}
	return nil
}

// CheckTag reports what is wrong with an exemption's tag.
func CheckTag(text string) error {
	if key, _, ok := strings.Cut(text, "="); !ok || key == "" || strings.Contains(text, "*") {
		return fmt.Errorf("want key=value exactly, such as public=approved, got %q: patterns are not known in tags", text)
	}
	return nil
}
