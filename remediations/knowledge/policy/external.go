package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Trusted is who may be let in.
type Trusted struct {
	Accounts     []string // of 12 digits each, the resource's own among them
	Organization string   // "o-a1b2c3d4e5": whom a condition holds to it; empty for none
}

// External names the Allow statements that let in somebody who is not trusted, and those of which it can't be told, in
// the order of the policy. What Judge calls public or unclear is not repeated: of a public statement those are judged who
// are named beside anyone.
//
//   - A user, role or account is its account's; whether that is in the organization can't be seen, so that only a
//     condition holds it to that. A canonical user is nobody's that is known. The unique id of a user or role that was
//     deleted (AIDA..., AROA...) is nobody.
//   - A condition holds the callers to those who have one of its values: of an account, an organization, an ARN. Where
//     anyone is let in from a network, or a VPC's endpoint, it can't be told whose that is.
//   - An AWS service is let in by itself; it is at fault with a source (aws:SourceAccount, aws:SourceArn,
//     aws:SourceOrgID) that is not trusted, and for Lambda, SNS and SQS, or as CloudFront for S3, without any (Deputy).
//   - In a trust policy, see federated.
//   - A Deny statement of the policy counts that takes everything back from all but those who are trusted.
func (d *Document) External(t Trusted) (external, unclear []Verdict) {
	for i, s := range d.statements {
		public, _ := d.judge(s)
		switch {
		case s.odd != nil, s.effect == "Deny", public == unsure:
			continue
		case public == yes:
			s, _ = d.service.split(s)
		}
		found, untold := d.outsiders(s, t)
		for _, list := range [][]Verdict{found, untold} {
			for k := range list {
				list[k].Index, list[k].Sid = i, s.sid
			}
		}
		external, unclear = append(external, found...), append(unclear, untold...)
	}
	return external, unclear
}

// whose is whom conditions leave, from those who are trusted up.
type whose int

const (
	ours         whose = iota // only those who are trusted
	unclearWhose              // it is not understood
	others                    // somebody who is not trusted
	nameless                  // a fixed network, role or thing, of which it can't be told whose it is
	anybody                   // whom the principals name
)

// fault is a principal that is not trusted, and what more there is to say about it.
type fault struct {
	name  namedPrincipal
	whose whose // others, or untold; anybody is a service in anybody's name
	why   string
}

// outsiders is what there is to say about an Allow statement that is not public: whom it lets in who is not trusted, and of
// whom that can't be told.
func (d *Document) outsiders(s parsedStatement, t Trusted) (external, unclear []Verdict) {
	s, whole := s.served()
	held, by := s.heldTo(t)
	switch {
	case held == ours:
		return nil, nil
	case s.anyone != "":
		return d.anyoneFrom(s, t, held, by)
	}
	external, unclear = d.named(s, t, held, by)
	if whole {
		for i := range external {
			external[i].names = nil
		}
	}
	return external, unclear
}

// served is the statement with the principals that it has in truth if a condition holds it to AWS services by their names
// (aws:PrincipalServiceName), and whether they stand in place of anyone. Such a condition does not say whoever they act
// for.
func (s parsedStatement) served() (parsedStatement, bool) {
	for _, c := range s.conditions {
		if answer, _ := c.narrows(s.present(c.key)); answer != yes || kindOf(c.key) != serviceKey {
			continue
		}
		if s.anyone == "" {
			s.names = slices.DeleteFunc(slices.Clone(s.names), func(n namedPrincipal) bool { return n.kind != "Service" })
			return s, false
		}
		s.anyone, s.names = "", nil
		for _, v := range c.values {
			s.names = append(s.names, namedPrincipal{"Service", v})
		}
		return s, true
	}
	return s, false
}

// named judges a statement with fixed principals.
func (d *Document) named(s parsedStatement, t Trusted, held whose, by string) (external, unclear []Verdict) {
	faults := map[whose][]fault{}
	services := ours // whether a Deny that spares services matters to those at fault
	for _, n := range s.names {
		f := fault{name: n}
		switch f.whose, f.why = d.principal(s, n, t, held, by); {
		case f.whose == ours:
			continue
		case n.kind == "Service":
			services = anybody
		}
		faults[f.whose] = append(faults[f.whose], f)
	}
	left, denied := d.leaves(s, t, services)
	if left == ours {
		return nil, nil
	}
	if bad := faults[others]; len(bad) > 0 && (held == unclearWhose || left == unclearWhose) {
		if held != unclearWhose {
			by = denied
		}
		unclear = append(unclear, Verdict{Reason: "can't be judged: " + by})
	} else if len(bad) > 0 {
		external = append(external, Verdict{Reason: fmt.Sprintf("allows %s to those who are not trusted: %s", s.allows(), listFaults(bad)), names: namesOf(bad)})
	}
	if deputies := faults[anybody]; len(deputies) > 0 {
		external = append(external, Verdict{Reason: fmt.Sprintf("allows %s to %s in anybody's name: no condition on aws:SourceAccount, aws:SourceArn "+
			"or aws:SourceOrgID says whose", s.allows(), listFaults(deputies)), Deputy: true, names: namesOf(deputies)})
	}
	if strangers := faults[unclearWhose]; len(strangers) > 0 {
		unclear = append(unclear, Verdict{Reason: "can't be judged: it can't be told whose " + listFaults(strangers) + " is"})
	}
	return external, unclear
}

// anyoneFrom judges a statement that allows anyone, and is held to fixed callers by its conditions or by a Deny.
func (d *Document) anyoneFrom(s parsedStatement, t Trusted, held whose, by string) (external, unclear []Verdict) {
	left, denied := d.leaves(s, t, unclearWhose)
	if left == ours {
		return nil, nil
	}
	if held == anybody {
		held, by = left, denied
	}
	if held == others {
		return []Verdict{{Reason: fmt.Sprintf("allows %s to those who are not trusted: anyone with %s", s.allows(), by)}}, nil
	}
	if held == nameless {
		by = "it can't be told whose " + by + " is"
	}
	return nil, []Verdict{{Reason: "can't be judged: " + by}}
}

var (
	// unique is the id that IAM shows in place of a user or role that was deleted: nobody can be that one again. In a
	// policy that is about to be put it may be anybody's: what is shown afterwards is the ARN.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	unique = regexp.MustCompile(`^(AIDA|AROA)[A-Z0-9]{12,}$`)
	// caller is the ARN of an account's root, user, role or session.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
	caller = regexp.MustCompile(`^arn:[^:]+:(?:iam|sts)::([0-9]{12}):.`)
)

// principal is whose a principal of a statement is, and what more there is to say; anybody if that is a service that may
// act for anybody. It is of a statement whose conditions hold it to whom held says.
func (d *Document) principal(s parsedStatement, n namedPrincipal, t Trusted, held whose, by string) (whose, string) {
	switch n.kind {
	case "CanonicalUser":
		return others, ""
	case "Federated":
		return s.federated(n.value, t)
	case "Service":
		switch {
		case held == others, held == unclearWhose:
			return others, " with " + by
		case held == anybody && d.service.actsBy(n.value) && !s.tokened():
			return anybody, ""
		}
		return ours, ""
	}
	id := n.value
	if parts := caller.FindStringSubmatch(id); parts != nil {
		id = parts[1]
	}
	switch {
	case unique.MatchString(id), t.has(id), d.service == S3 && loadBalancers[id]:
		return ours, ""
	case accountPattern.MatchString(id):
		return others, ""
	}
	return unclearWhose, ""
}

// has reports whether an account is trusted.
func (t Trusted) has(account string) bool { return slices.Contains(t.Accounts, account) }

// Gone names the statements with a principal that was deleted. Such a principal is nobody, and can never be anybody again,
// but IAM and S3 take no policy that names one, however it got there: it has to be left out of what is put. One in
// NotPrincipal can't be left out.
func (d *Document) Gone() []Verdict {
	var list []Verdict
	for i, s := range d.statements {
		v := Verdict{Index: i, Sid: s.sid}
		for _, n := range s.names {
			if n.kind == "AWS" && unique.MatchString(n.value) && !slices.Contains(v.names, n) {
				v.names = append(v.names, n)
			}
		}
		if len(v.names) > 0 {
			v.Reason = "names " + short(v.names[0].value) + ", which was deleted"
			list = append(list, v)
		}
	}
	return list
}

// tokened reports whether a condition holds a service to one application, as Alexa's skills are.
// https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html
func (s parsedStatement) tokened() bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return strings.EqualFold(c.key, "lambda:EventSourceToken") && c.matching == exact && !c.negated && !c.ifExists && c.set == ""
	})
}

// heldTo is whom the statement's conditions hold its callers to, and by what: the strictest of them counts.
func (s parsedStatement) heldTo(t Trusted) (whose, string) {
	result, by := anybody, ""
	for _, c := range s.conditions {
		w, why := anybody, ""
		switch {
		case c.isUnknown:
			w, why = unclearWhose, fmt.Sprintf("the condition operator %s is not known", quoted(c.operator))
		case c.negated || c.matching == never, kindOf(c.key) == serviceKey, (c.ifExists || c.set == "forallvalues") && !s.present(c.key):
		default:
			w, why = c.owners(t)
		}
		if w < result {
			result, by = w, why
		}
	}
	return result, by
}

// leaves is whom the policy's Deny statements leave of those whom a statement allows, and by what; services is what it
// means if a Deny spares AWS services. One that spares a service by its name leaves to it what a principal would.
func (d *Document) leaves(allow parsedStatement, t Trusted, services whose) (whose, string) {
	result, by, one := anybody, "", services
	if services == unclearWhose && !d.service.acts() {
		one = ours
	}
	for i, deny := range d.statements {
		if deny.odd != nil || deny.effect != "Deny" || !deny.everyone || !d.service.covers(deny, allow) {
			continue
		}
		if w, why := deny.sparesOnly(t, services, one); w < result {
			result, by = w, why
			if w == unclearWhose {
				by = fmt.Sprintf("statement %d denies it, but %s", i+1, why)
			}
		}
	}
	return result, by
}

// sparesOnly is whom a Deny statement spares, and by what: whoever escapes one of its conditions.
func (s parsedStatement) sparesOnly(t Trusted, services, one whose) (whose, string) {
	result, by := ours, ""
	for _, c := range s.conditions {
		w, why := anybody, ""
		switch {
		case c.services():
			w, why = services, "all AWS services are spared, whoever they act for"
		case c.isUnknown || c.set == "foranyvalue" || !c.negated:
		default:
			if w, why = c.owners(t); w == ours && kindOf(c.key) == serviceKey {
				w, why = one, "AWS services are spared, whoever they act for"
			}
		}
		if w > result {
			result, by = w, why
		}
	}
	return result, by
}

// owners is whose the condition's values are; the first that is not ours is named.
func (c condition) owners(t Trusted) (whose, string) {
	result, by := ours, ""
	for _, v := range c.values {
		w := c.owner(v, t)
		if w > result {
			result, by = w, fmt.Sprintf("%s %s", short(c.key), quoted(v))
			if w == unclearWhose {
				by = fmt.Sprintf("the condition %s %s %s may or may not name an owner", short(c.operator), short(c.key), quoted(v))
			}
		}
	}
	return result, by
}

// owner is whose a value is. That of aws:PrincipalServiceName is AWS's own, see served. What says where a call comes
// from, or which key it uses, says nothing about whose it is.
func (c condition) owner(v string, t Trusted) whose {
	k := kindOf(c.key)
	switch k {
	case sourceIP, vpcID, endpointID, keyARN:
		return nameless
	}
	if k == userID {
		if id, _, _ := strings.Cut(v, ":"); !accountPattern.MatchString(id) {
			return nameless
		}
	}
	switch c.fixedValue(v) {
	case no:
		return anybody
	case unsure:
		return unclearWhose
	}
	id := v
	switch k {
	case serviceKey:
		return ours
	case orgID, orgPath:
		if org, _, _ := strings.Cut(v, "/"); org == t.Organization {
			return ours
		}
		return others
	case ownedARN, sourceARN, accessPoint, endpoint:
		if id = strings.SplitN(v, ":", 6)[4]; id == "" {
			return nameless
		}
	case userID:
		id, _, _ = strings.Cut(v, ":")
	}
	if t.has(id) {
		return ours
	}
	return others
}

// listFaults is some principals in words.
func listFaults(faults []fault) string {
	var words []string
	for _, f := range faults {
		words = append(words, f.name.kind+" "+short(f.name.value)+f.why)
	}
	return few(words)
}

func namesOf(faults []fault) []namedPrincipal {
	var list []namedPrincipal
	for _, f := range faults {
		list = append(list, f.name)
	}
	return list
}
