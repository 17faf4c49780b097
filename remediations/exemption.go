package remediations

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/countermand/countermand/events"
)

// An Exemption tells modules to leave resources alone until a date. Resource, Account, Principal and Tag select what it
// covers: at least one is set, and all that are set must match. Owner and Reason are there for whoever later asks why.
type Exemption struct {
	Module    string    `json:"module"`              // a module's name, or AllModules
	Resource  string    `json:"resource,omitempty"`  // a resource's ARN, which may contain *, or its exact ID
	Account   string    `json:"account,omitempty"`   // owner of the resource: 12 digits
	Principal string    `json:"principal,omitempty"` // ARN of the role, user or session that made the call; may contain *
	Tag       string    `json:"tag,omitempty"`       // exact key=value of the resource
	Owner     string    `json:"owner"`
	Reason    string    `json:"reason"`
	Expires   time.Time `json:"expires"` // the first instant at which it no longer holds
}

// AllModules is the Module of an exemption from every module.
const AllModules = "all"

// ExemptionNotice is how long before the end of an exemption its warnings start.
const ExemptionNotice = 14 * 24 * time.Hour

// TagPermissions are the permissions that the engine needs in a function that has an exemption with a tag.
var TagPermissions = []Permission{
	{Action: "tag:GetResources", Resource: "*", Why: "an exemption depends on a tag; IAM cannot restrict this call to some resources"},
	{Action: "iam:ListPolicyTags", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/*"},
	{Action: "iam:ListRoleTags", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"},
	{Action: "iam:ListUserTags", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"},
}

// AppliesTo reports whether the exemption is for a module.
func (x Exemption) AppliesTo(module string) bool { return x.Module == module || x.Module == AllModules }

// Covers reports whether the exemption tells the module to leave a resource alone at a time, after a call by who. It
// does not check the tag: see HasTag. An error means that the answer is unknown, and must not be taken for no.
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

// coversResource reports whether the exemption's resource matches.
func (x Exemption) coversResource(r Resource) (bool, error) {
	if !strings.HasPrefix(x.Resource, "arn:") {
		return x.Resource == "" || x.Resource == r.ID, nil
	}
	arn, err := r.ARN()
	return err == nil && matchARN(x.Resource, arn), err
}

// coversPrincipal reports whether the exemption's principal matches the caller as IAM reports it: the ARN of the user
// or session, or of the role or user that issued the session. Nothing else in an event proves who made the call.
func (x Exemption) coversPrincipal(who events.Identity) bool {
	return x.Principal == "" || matchARN(x.Principal, who.ARN) || matchARN(x.Principal, who.Issuer.ARN)
}

// HasTag reports whether tags contain the exemption's tag.
func (x Exemption) HasTag(tags map[string]string) bool {
	key, value, _ := strings.Cut(x.Tag, "=")
	got, ok := tags[key]
	return ok && got == value
}

// String returns what the exemption covers: "resource arn:aws:s3:::public-*, account 111122223333".
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

// Until returns for people when the exemption ends: "until 2027-03-01, 9 days left".
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

// EndsSoon reports whether the exemption holds at a time, but ends within ExemptionNotice.
func (x Exemption) EndsSoon(now time.Time) bool {
	return now.Before(x.Expires) && x.Expires.Sub(now) <= ExemptionNotice
}

// Validate reports an exemption that covers everything, can match nothing, or depends on a value that a caller chooses.
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

// anyNameARN matches an ARN whose last segment consists of stars.
var anyNameARN = regexp.MustCompile(`^arn:.*[:/]\*+$`)

// checkNarrow reports an exemption that covers everything that a module checks.
func (x Exemption) checkNarrow() error {
	only := Exemption{Resource: x.Resource}
	switch {
	case x.String() == "":
		return errors.New("an exemption needs a resource, account, principal or tag; to exempt everything, set the module's mode: off")
	case x.String() == only.String() && anyNameARN.MatchString(x.Resource):
		return fmt.Errorf("an exemption needs more than the resource %s; to exempt everything, set the module's mode: off", x.Resource)
	}
	return nil
}

// checkAccount reports an exemption whose resource is in another account than the one it names.
func (x Exemption) checkAccount() error {
	if x.Account == "" || !x.InOtherAccount(x.Account) {
		return nil
	}
	return fmt.Errorf("the exemption can never match: %s is not in account %s", x.Resource, x.Account)
}

// InOtherAccount reports whether the exemption's resources belong to another account.
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
		return fmt.Errorf("want * for any run of characters, got %q: there is no wildcard for a single character", text)
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

// principalForms matches the resource part of a principal's ARN, by service. Whoever assumes a role chooses the
// session's name, and any name can be taken in somebody else's account: neither may decide.
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
		return fmt.Errorf("%s; the %s of %q is wrong: %s", want, arnParts[part], text, why)
	}
	form, known := principalForms[parts[2]]
	switch {
	case strings.Contains(text, "?"):
		return fmt.Errorf("want * for any run of characters, got %q: there is no wildcard for a single character", text)
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
		return fmt.Errorf("want key=value exactly, such as public=approved, got %q: tags take no patterns", text)
	}
	return nil
}
