package ec2sgopeningress_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/netset"
	"github.com/countermand/countermand/remediations/modules/ec2sgopeningress"
)

var theGroup = remediations.Resource{ID: id, Type: "AWS::EC2::SecurityGroup", Account: account, Region: "eu-central-1"}

// find is what the guard finds about the group.
func find(t *testing.T, r *region, change func(*ec2sgopeningress.Settings)) *remediations.Finding {
	t.Helper()
	found, err := ec2sgopeningress.Module.Guard(t.Context(), r.run(t, change), theGroup)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func tellOthers(s *ec2sgopeningress.Settings) { s.AlertOtherPorts = true }

func TestFinding(t *testing.T) {
	r := open(let("tcp 22 0.0.0.0/0").and("O'Brien's <laptop>", "ticket", "4711", "aws:by", "us"), let("-1 ::/0"), let("tcp 22 2001:db8::/32"), let("udp 8080-8081 pl-0a1b2c3d"))
	r.Lists["pl-0a1b2c3d"] = []string{"128.0.0.0/1"}
	const (
		of     = ` --region 'eu-central-1' --group-id 'sg-0a1b2c3d4e5f60718' `
		revoke = "aws ec2 revoke-security-group-ingress" + of + "--security-group-rule-ids "
		add    = "aws ec2 authorize-security-group-ingress" + of + "--ip-permissions "
		rules  = `[{"protocol":"tcp","fromPort":22,"toPort":22,"source":"0.0.0.0/0","description":"O'Brien's <laptop>","tags":{"ticket":"4711"}},` +
			`{"protocol":"-1","fromPort":-1,"toPort":-1,"source":"::/0"},{"protocol":"udp","fromPort":8080,"toPort":8081,"source":"pl-0a1b2c3d"}]`
	)
	want := &remediations.Finding{
		Resource: theGroup,
		Reason: "all public IPv4 addresses can reach TCP port 22 (SSH), all public IPv6 addresses can reach TCP and UDP ports 20-23, 25 (SMTP), 110 (POP3), 135 (RPC) and 23 more, " +
			"43% of all public IPv4 addresses can reach UDP port 8080, by rules sgr-0001 (tcp 22 from 0.0.0.0/0), sgr-0002 (all traffic from ::/0), sgr-0004 (udp 8080-8081 from pl-0a1b2c3d)",
		Before: json.RawMessage(`{"rules":` + rules + `}`), After: json.RawMessage(`{"rules":[],"revoked":["sgr-0001","sgr-0002","sgr-0004"]}`),
		Fix: revoke + "'sgr-0001' 'sgr-0002' 'sgr-0004'",
		Revert: add + `'[{"FromPort":22,"IpProtocol":"tcp","IpRanges":[{"CidrIp":"0.0.0.0/0","Description":"O'\''Brien'\''s <laptop>"}],"ToPort":22}]'` +
			` --tag-specifications '[{"ResourceType":"security-group-rule","Tags":[{"Key":"ticket","Value":"4711"}]}]'` + "\n" +
			add + `'[{"IpProtocol":"-1","Ipv6Ranges":[{"CidrIpv6":"::/0"}]},{"FromPort":8080,"IpProtocol":"udp","PrefixListIds":[{"PrefixListId":"pl-0a1b2c3d"}],"ToPort":8081}]'`,
	}
	if diff := cmp.Diff(want, find(t, r, nil)); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
}

// What people are only told of changes nothing, and has the command that would.
func TestFindingOfOtherPorts(t *testing.T) {
	r := open(let("tcp 8443 0.0.0.0/0"), let("udp 53 ::/0"), let("tcp 9-10 pl-0b"), let("udp 9 pl-0b"))
	const rules = `{"rules":[{"protocol":"tcp","fromPort":8443,"toPort":8443,"source":"0.0.0.0/0"},{"protocol":"udp","fromPort":53,"toPort":53,"source":"::/0"}]}`
	want := &remediations.Finding{
		Resource: theGroup,
		Reason: "all public IPv4 addresses can reach TCP port 8443, all public IPv6 addresses can reach UDP port 53, by rules sgr-0001 (tcp 8443 from 0.0.0.0/0), sgr-0002 (udp 53 from ::/0); " +
			"whom prefix list pl-0b lets in can't be told, as its owner does not share it any more",
		Before: json.RawMessage(rules), After: json.RawMessage(rules), AlertOnly: true,
		Fix: "aws ec2 revoke-security-group-ingress --region 'eu-central-1' --group-id 'sg-0a1b2c3d4e5f60718' --security-group-rule-ids 'sgr-0001' 'sgr-0002'",
	}
	if diff := cmp.Diff(want, find(t, r, tellOthers)); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
	both := find(t, open(let("tcp 22-24 0.0.0.0/0")), tellOthers)
	const wantBoth = "all public IPv4 addresses can reach TCP ports 22-23, by rule sgr-0001 (tcp 22-24 from 0.0.0.0/0); " +
		"all public IPv4 addresses can reach TCP port 24, by rule sgr-0001 (tcp 22-24 from 0.0.0.0/0)"
	if both.Reason != wantBoth || both.AlertOnly {
		t.Errorf("of both kinds of ports the finding is %+v", both)
	}
	only := find(t, open(let("tcp 22 pl-0b")), nil)
	if only.Fix != "" || !only.AlertOnly || string(only.Before) != `{"rules":[]}` || string(only.After) != `{"rules":[]}` {
		t.Errorf("of nothing but a list that can't be read the finding is %+v", only)
	}
}

// A rule is found on whichever page it is, and the finding is the same in whichever order they come.
func TestPages(t *testing.T) {
	for size := range 7 {
		r := open(let("tcp 22 0.0.0.0/1"), let("tcp 22 128.0.0.0/1"))
		r.size, r.turned = size, size%2 == 0
		if got := string(find(t, r, nil).After); got != `{"rules":[],"revoked":["sgr-0001","sgr-0002"]}` {
			t.Errorf("with pages of %d it is to be %s", size, got)
		}
	}
}

// A reason stays short, however many rules are at fault.
func TestReasonOfManyRules(t *testing.T) {
	var rules []*held
	for port := 20; port < 26; port++ {
		rules = append(rules, let(fmt.Sprintf("tcp %d 0.0.0.0/0", port)))
	}
	const want = "all public IPv4 addresses can reach TCP ports 20-23, 25 (SMTP), " +
		"by rules sgr-0001 (tcp 20 from 0.0.0.0/0), sgr-0002 (tcp 21 from 0.0.0.0/0), sgr-0003 (tcp 22 from 0.0.0.0/0), sgr-0004 (tcp 23 from 0.0.0.0/0) and 1 more"
	if got := find(t, open(rules...), nil).Reason; got != want {
		t.Errorf("the reason is\n%s, want\n%s", got, want)
	}
}

// Of the rules that let a port through the widest are revoked, and none that need not be.
func TestLeastRules(t *testing.T) {
	for _, test := range []struct {
		name, rules, revoked string
	}{
		{"the world beside offices", "tcp 22 198.51.100.0/24, tcp 22 0.0.0.0/0, tcp 22 3.0.0.0/8", "tcp 22 0.0.0.0/0"},
		{"two halves, each of which is too much", "tcp 22 0.0.0.0/1, tcp 22 128.0.0.0/1", "tcp 22 0.0.0.0/1, tcp 22 128.0.0.0/1"},
		{"a wide one and the pieces beside it", "tcp 22 96.0.0.0/4, tcp 22 112.0.0.0/5, tcp 22 120.0.0.0/5", "tcp 22 96.0.0.0/4"},
		{"twice the same", "tcp 22 0.0.0.0/0, tcp 0-100 0.0.0.0/0", "tcp 22 0.0.0.0/0, tcp 0-100 0.0.0.0/0"},
		{"each family by itself", "tcp 22 ::/0, tcp 22 0.0.0.0/4", "tcp 22 ::/0"},
		{"each protocol by itself", "udp 22 64.0.0.0/4, tcp 22 80.0.0.0/4", ""},
		{"what is taken for one port, and not needed for it once it is taken for another",
			"tcp 22 64.0.0.0/4, tcp 22-23 80.0.0.0/5, tcp 22 88.0.0.0/5, tcp 23 64.0.0.0/6, tcp 23 68.0.0.0/6, tcp 23 72.0.0.0/6, tcp 23 76.0.0.0/6, tcp 23 88.0.0.0/6, tcp 23 92.0.0.0/6", "tcp 22-23 80.0.0.0/5"},
	} {
		var rules []*held
		for _, text := range strings.Split(test.rules, ", ") {
			rules = append(rules, let(text))
		}
		r := open(rules...)
		found, err := ec2sgopeningress.Module.Guard(t.Context(), r.run(t, nil), theGroup)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{}
		if test.revoked != "" {
			want = strings.Split(test.revoked, ", ")
		}
		slices.Sort(want)
		got := []string{}
		if found != nil {
			var before struct {
				Rules []struct {
					Protocol, Source string
					FromPort, ToPort int
				}
			}
			if err := json.Unmarshal(found.Before, &before); err != nil {
				t.Fatal(err)
			}
			for _, b := range before.Rules {
				ports := netset.Ports{First: uint16(b.FromPort), Last: uint16(b.ToPort)}
				got = append(got, fmt.Sprintf("%s %s %s", b.Protocol, ports, b.Source))
			}
			slices.Sort(got)
			if err := ec2sgopeningress.Module.Action(t.Context(), r.run(t, nil), found); err != nil {
				t.Fatal(err)
			}
			if left, err := ec2sgopeningress.Module.Guard(t.Context(), r.run(t, nil), theGroup); left != nil || err != nil {
				t.Errorf("%s: after the action the guard found %v, %v", test.name, left, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: revoked (-want +got):\n%s", test.name, diff)
		}
	}
}

// Every other rule stays, of this group and of others, and undo puts back what there was: with other ids.
func TestNeighboursStay(t *testing.T) {
	bad := func() []*held {
		return []*held{let("tcp 22 0.0.0.0/0").and("today", "ticket", "4711"), let("-1 ::/0"), let("tcp 3000-3389 0.0.0.0/1").and("half", "ticket", "4711")}
	}
	r, fine, first := open(bad()...), open(), open(bad()...)
	found := find(t, r, nil)
	if err := ec2sgopeningress.Module.Action(t.Context(), r.run(t, nil), found); err != nil {
		t.Fatal(err)
	}
	compare := cmp.Comparer(func(a, b *held) bool {
		return a.key() == b.key() && a.Description == b.Description && fmt.Sprint(a.Tags) == fmt.Sprint(b.Tags)
	})
	if diff := cmp.Diff(fine.Groups, r.Groups, compare); diff != "" {
		t.Fatalf("after the action (-want +got):\n%s", diff)
	}
	since := func() []*held { // somebody else's rules, which are nearly those and are not undo's
		return []*held{let("tcp 21-22 0.0.0.0/0"), let("tcp 22-23 0.0.0.0/0"), let("udp 22 0.0.0.0/0"), let("tcp 22 ::/0")}
	}
	r.add(id, since()...)
	first.add(id, since()...)
	if err := ec2sgopeningress.Module.Undo(t.Context(), r.run(t, nil), found); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Groups, r.Groups, compare); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for name, change := range map[string]func(*region){
		"no right to ask":            func(r *region) { r.fail = map[string]string{"describe": "UnauthorizedOperation"} },
		"no right to ask for a list": func(r *region) { r.fail = map[string]string{"entries": "UnauthorizedOperation"} },
		"a list of no networks":      func(r *region) { r.Lists["pl-0b"] = []string{"everybody"} },
		"another group's rules":      func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.GroupId = aws.String(other) } },
		"nobody's rules":             func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.GroupId = nil } },
		"a rule without an id":       func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.SecurityGroupRuleId = nil } },
		"a rule with a bad id": func(r *region) {
			r.answer = func(a *types.SecurityGroupRule) { a.SecurityGroupRuleId = aws.String("sgr-1 sgr-2") }
		},
		"a rule without ports":     func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.FromPort = nil } },
		"a rule with half of them": func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.ToPort = nil } },
		"a rule with ports below":  func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.FromPort = aws.Int32(-1) } },
		"a rule with ports above":  func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.ToPort = aws.Int32(65536) } },
		"a rule with ports in reverse": func(r *region) {
			r.answer = func(a *types.SecurityGroupRule) { a.FromPort, a.ToPort = aws.Int32(23), aws.Int32(22) }
		},
		"a rule with a bad network": func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.CidrIpv4 = aws.String("0.0.0.0") } },
		"a rule with a bad list": func(r *region) {
			r.answer = func(a *types.SecurityGroupRule) { a.CidrIpv4, a.PrefixListId = nil, aws.String("pl-x;") }
		},
		"a rule without a source": func(r *region) { r.answer = func(a *types.SecurityGroupRule) { a.CidrIpv4, a.PrefixListId = nil, nil } },
	} {
		r := &region{Groups: map[string]*group{id: {Owner: account}}, Lists: map[string][]string{"pl-0b": {"198.51.100.0/24"}}}
		r.add(id, let("tcp 22 0.0.0.0/0"), let("tcp 22 pl-0b"))
		change(r)
		if found, err := ec2sgopeningress.Module.Guard(t.Context(), r.run(t, nil), theGroup); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

// A group that EC2 does not know any more is nothing to judge, and neither is one of another account.
func TestNotOurs(t *testing.T) {
	for name, change := range map[string]func(*region){
		"gone":              func(r *region) { r.fail = map[string]string{"describe": "InvalidGroup.NotFound"} },
		"another account's": func(r *region) { r.Groups[id].Owner = partner },
	} {
		r := open(let("tcp 22 0.0.0.0/0"))
		change(r)
		if found, err := ec2sgopeningress.Module.Guard(t.Context(), r.run(t, nil), theGroup); err != nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

func TestUndoRefuses(t *testing.T) {
	const (
		ssh = `{"protocol":"tcp","fromPort":22,"toPort":22,"source":"0.0.0.0/0","description":"today","tags":{"ticket":"4711"}}`
		rdp = `{"protocol":"tcp","fromPort":3389,"toPort":3389,"source":"0.0.0.0/0"}`
	)
	today := func() *held { return let("tcp 22 0.0.0.0/0").and("today", "ticket", "4711") }
	for _, test := range []struct {
		name    string
		change  func(*region)
		present string // what there is now, of a refusal since the state has changed
		code    string // of AWS's error otherwise
	}{
		{"one added again", func(r *region) { r.add(id, today()) }, ssh, ""},
		{"both added again", func(r *region) { r.add(id, today(), let("tcp 3389 0.0.0.0/0")) }, ssh + "," + rdp, ""},
		{"with another description", func(r *region) { r.add(id, let("tcp 22 0.0.0.0/0").and("x"), let("tcp 3389 0.0.0.0/0")) },
			`{"protocol":"tcp","fromPort":22,"toPort":22,"source":"0.0.0.0/0","description":"x"},` + rdp, ""},
		{"with other tags", func(r *region) {
			r.add(id, let("tcp 22 0.0.0.0/0").and("today", "ticket", "1"), let("tcp 3389 0.0.0.0/0"))
		},
			strings.Replace(ssh, "4711", "1", 1) + "," + rdp, ""},
		{"with tags that there were none of", func(r *region) {
			r.add(id, let("tcp 22 0.0.0.0/0").and("today"), let("tcp 3389 0.0.0.0/0").and("", "a", "b"))
		},
			strings.Replace(ssh, `,"tags":{"ticket":"4711"}`, "", 1) + "," + strings.Replace(rdp, "}", `,"tags":{"a":"b"}}`, 1), ""},
		{"can't be read", func(r *region) { r.fail = map[string]string{"describe": "UnauthorizedOperation"} }, "", "UnauthorizedOperation"},
		{"EC2 says no", func(r *region) { r.fail = map[string]string{"authorize": "RulesPerSecurityGroupLimitExceeded"} }, "", "RulesPerSecurityGroupLimitExceeded"},
		{"deleted", func(r *region) { delete(r.Groups, id) }, "", "InvalidGroup.NotFound"},
	} {
		found, r := find(t, open(today(), let("tcp 3389 0.0.0.0/0")), nil), open()
		test.change(r)
		err := ec2sgopeningress.Module.Undo(t.Context(), r.run(t, nil), found)
		var changed *remediations.ChangedError
		present, want := "", ""
		if errors.As(err, &changed) {
			present = string(changed.Present)
		}
		if test.present != "" {
			want = `{"rules":[` + test.present + `]}`
		}
		if err == nil || present != want || remediations.ErrorCode(err) != test.code || r.writes > 0 {
			t.Errorf("%s: undo returned %v with %s, and wrote %d times; want %s", test.name, err, present, r.writes, want)
		}
	}
}

// An undo that was interrupted between the rules and their tags can be continued.
func TestUndoContinues(t *testing.T) {
	bad := func() []*held {
		return []*held{let("tcp 22 0.0.0.0/0").and("a", "ticket", "1"), let("tcp 25 0.0.0.0/0").and("b", "ticket", "2"), let("tcp 110 0.0.0.0/0").and("c")}
	}
	found, r := find(t, open(bad()...), nil), open()
	r.fail = map[string]string{"tag": "RequestLimitExceeded"}
	if err := ec2sgopeningress.Module.Undo(t.Context(), r.run(t, nil), found); remediations.ErrorCode(err) != "RequestLimitExceeded" {
		t.Fatalf("undo returned %v", err)
	}
	r.fail = nil
	further := open(bad()...) // as it is after the first tag
	i := slices.IndexFunc(further.Groups[id].Rules, func(h *held) bool { return h.Description == "b" })
	further.Groups[id].Rules[i].Tags = nil
	want, err := json.Marshal(open(bad()...).Groups)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*region{r, further} {
		if err := ec2sgopeningress.Module.Undo(t.Context(), r.run(t, nil), found); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(r.Groups); err != nil || string(got) != string(want) {
			t.Errorf("after undo there is %s, %v, want %s", got, err, want)
		}
		if err := ec2sgopeningress.Module.Undo(t.Context(), r.run(t, nil), found); !errors.Is(err, remediations.ErrChanged) {
			t.Errorf("a second undo returned %v", err)
		}
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, damage := range []func(*remediations.Finding){
		func(f *remediations.Finding) { f.Before = nil },
		func(f *remediations.Finding) { f.After = nil },
		func(f *remediations.Finding) { f.Before = json.RawMessage("null") },
		func(f *remediations.Finding) { f.Before = f.After },
		func(f *remediations.Finding) { f.After = f.Before },
		func(f *remediations.Finding) { f.After = json.RawMessage(`{"rules":[]}`) },
		func(f *remediations.Finding) { f.After = json.RawMessage(`{"rules":[{}],"revoked":["sgr-0001"]}`) },
		func(f *remediations.Finding) {
			f.Before, f.After = json.RawMessage(`{"rules":[]}`), json.RawMessage(`{"rules":[]}`)
		},
	} {
		r := open(let("tcp 22 0.0.0.0/0"))
		found := find(t, r, nil)
		damage(found)
		for name, do := range map[string]func() error{
			"action": func() error { return ec2sgopeningress.Module.Action(t.Context(), r.run(t, nil), found) },
			"undo":   func() error { return ec2sgopeningress.Module.Undo(t.Context(), open().run(t, nil), found) },
		} {
			if err := do(); err == nil || errors.Is(err, remediations.ErrChanged) || r.writes > 0 {
				t.Errorf("%s with before %s and after %s returned %v and wrote %d times", name, found.Before, found.After, err, r.writes)
			}
		}
	}
}

func TestSweep(t *testing.T) {
	const third, listed, foreign, port, split = "sg-03", "sg-04", "sg-05", "sg-06", "sg-07"
	r := open(let("tcp 22 0.0.0.0/0"))
	for _, more := range []string{third, listed, foreign, port, split} {
		r.Groups[more] = &group{Owner: account}
	}
	r.Groups[foreign].Owner = partner
	r.add(third, let("tcp 22 10.0.0.0/8"), let("-1 "+id))
	r.add(listed, let("tcp 22 pl-0a"))
	r.add(foreign, let("tcp 22 0.0.0.0/0"))
	r.add(port, let("tcp 8443 ::/0"))
	r.add(split, let("tcp 22 0.0.0.0/1"), let("tcp 3389 128.0.0.0/1"))
	for _, size := range []int{1, 3, 0} {
		r.size = size
		if diff := cmp.Diff([]string{listed, split, id}, swept(t, r, nil, 9)); diff != "" {
			t.Errorf("pages of %d: swept (-want +got):\n%s", size, diff)
		}
	}
	if diff := cmp.Diff([]string{listed, port, split, id}, swept(t, r, tellOthers, 9)); diff != "" {
		t.Errorf("with other ports: swept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{listed}, swept(t, r, nil, 1)); diff != "" {
		t.Errorf("whoever wants one: swept (-want +got):\n%s", diff)
	}
	r.fail = map[string]string{"describe": "UnauthorizedOperation"}
	if diff := cmp.Diff([]string{"UnauthorizedOperation"}, swept(t, r, nil, 9)); diff != "" {
		t.Errorf("without the right: swept (-want +got):\n%s", diff)
	}
}

// swept is the first groups of a sweep, and the code of its error.
func swept(t *testing.T, r *region, change func(*ec2sgopeningress.Settings), first int) []string {
	t.Helper()
	var list []string
	for g, err := range ec2sgopeningress.Module.Sweep(t.Context(), r.run(t, change)) {
		switch {
		case err != nil:
			list = append(list, remediations.ErrorCode(err))
		case g != remediations.Resource{ID: g.ID, Type: "AWS::EC2::SecurityGroup", Account: account, Region: "eu-central-1"}:
			t.Errorf("swept %+v", g)
		default:
			list = append(list, g.ID)
		}
		if len(list) == first {
			break
		}
	}
	return list
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]string{ // of an error
		`{}`: "",
		`{"protectedPorts":["22","8000-8100"],"allowedPorts":["8080"]}`: "",
		`{"protectedPorts":[],"alertOtherPorts":true}`:                  "",
		`{"protectedPorts":[]}`:                                         "no port is watched",
		`{"protectedPorts":["8080-8090"],"allowedPorts":["8000-9000"]}`: "no port is watched",
		`{"allowedPorts":["0-65535"],"alertOtherPorts":true}`:           "no port is watched",
		`{"protectedPorts":["ssh"]}`:                                    "want a port",
		`{"protectedPort":["22"]}`:                                      "unknown field",
	} {
		_, err := ec2sgopeningress.Module.ParseSettings([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	list, err := ec2sgopeningress.Module.DescribeSettings()
	if err != nil || len(list) != 3 || list[0].Kind != "list of text" || !strings.HasPrefix(string(list[0].Default), `["20","21","22",`) {
		t.Errorf("the settings are %+v, %v", list, err)
	}
}
