package ec2sgopeningress

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations/knowledge/netset"
)

// opening is ports of one protocol, TCP or UDP, that the same rules let through from networks of one family.
type opening struct {
	transport string
	ports     netset.PortSet
	by        []int // the rules' indexes
}

// verdict is which ports are open to the internet, and the rules to revoke so that none of them is.
type verdict struct {
	open  []opening
	who   []string // of each opening, how much of the internet
	rules []rule
}

// judge is which of some ports rules open to the internet; nil if none.
func judge(rules []rule, ports netset.PortSet) *verdict {
	v := &verdict{}
	for _, o := range openings(rules, ports) {
		if who := o.internet(rules, nil); who != "" {
			v.open, v.who = append(v.open, o), append(v.who, who)
		}
	}
	if len(v.open) == 0 {
		return nil
	}
	for _, i := range atFault(rules, v.open) {
		v.rules = append(v.rules, rules[i])
	}
	return v
}

// openings cuts ports where a rule begins or ends, and puts together what the same rules let through.
func openings(rules []rule, ports netset.PortSet) []opening {
	var all []opening
	for _, transport := range []string{netset.TCP, netset.UDP} {
		for _, four := range []bool{true, false} {
			let := func(r rule) bool {
				return slices.Contains(netset.Transports(r.Protocol), transport) && len(r.networks) > 0 && r.networks[0].Addr().Is4() == four
			}
			at := map[string]int{} // the opening of the same rules
			for _, part := range cut(rules, ports) {
				o := opening{transport: transport, ports: netset.PortsOf(part)}
				for i, r := range rules {
					if let(r) && r.ports.Holds(part.First) {
						o.by = append(o.by, i)
					}
				}
				key := fmt.Sprint(o.by)
				if i, ok := at[key]; ok {
					all[i].ports = netset.PortsOf(append(all[i].ports, part)...)
				} else {
					at[key] = len(all)
					all = append(all, o)
				}
			}
		}
	}
	return all
}

// cut is ports in ranges of which each rule lets through all ports or none.
func cut(rules []rule, ports netset.PortSet) []netset.Ports {
	var parts []netset.Ports
	for _, p := range ports {
		ends := []int{int(p.First), int(p.Last) + 1}
		for _, r := range rules {
			ends = append(ends, int(r.ports.First), int(r.ports.Last)+1)
		}
		slices.Sort(ends)
		ends = slices.Compact(ends)
		for i, first := range ends[:len(ends)-1] {
			if first >= int(p.First) && first <= int(p.Last) {
				parts = append(parts, netset.Ports{First: uint16(first), Last: uint16(ends[i+1] - 1)})
			}
		}
	}
	return parts
}

// internet is how much of the internet the opening is for, without some of the rules; "" if it is not.
func (o opening) internet(rules []rule, without map[int]bool) string {
	var list []netip.Prefix
	for _, i := range o.by {
		if !without[i] {
			list = append(list, rules[i].networks...)
		}
	}
	return netset.Internet(list)
}

// atFault is the indexes of the rules to revoke so that no opening is the internet any more. Of each opening these are
// the widest, until what is left is somebody's addresses: who opens a port to the world and to their office means the
// office when the world is gone. A rule that was taken for one opening, and is not needed any more once others are
// revoked, stays.
func atFault(rules []rule, open []opening) []int {
	revoked := map[int]bool{}
	size := make([]*big.Int, len(rules))
	for i, r := range rules {
		size[i] = netset.Count(r.networks)
	}
	for _, o := range open {
		byWidth := slices.Clone(o.by)
		slices.SortStableFunc(byWidth, func(i, j int) int { return size[j].Cmp(size[i]) })
		for _, i := range byWidth {
			if o.internet(rules, revoked) == "" {
				break
			}
			revoked[i] = true
		}
	}
	var list []int
	for i := range rules {
		if !revoked[i] {
			continue
		}
		delete(revoked, i)
		if slices.ContainsFunc(open, func(o opening) bool { return o.internet(rules, revoked) != "" }) {
			revoked[i] = true
			list = append(list, i)
		}
	}
	return list
}

// named is how many rules a reason names.
const named = 4

// reasons is what is wrong, as a list of one; none of no verdict.
func (v *verdict) reasons() []string {
	if v == nil {
		return nil
	}
	var texts []string
	for _, r := range v.rules[:min(len(v.rules), named)] {
		texts = append(texts, r.String())
	}
	by := "by rule " + texts[0]
	if len(v.rules) > 1 {
		by = "by rules " + strings.Join(texts, ", ")
	}
	if more := len(v.rules) - len(texts); more > 0 {
		by += fmt.Sprintf(" and %d more", more)
	}
	return []string{strings.Join(v.clauses(), ", ") + ", " + by}
}

// clauses is who can reach what.
func (v *verdict) clauses() []string {
	var texts []string
	for i, who := range v.who {
		if slices.Contains(v.who[:i], who) {
			continue
		}
		tcp, udp := v.reach(who, netset.TCP), v.reach(who, netset.UDP)
		what := "TCP " + tcp
		switch {
		case tcp == udp:
			what = "TCP and UDP " + tcp
		case tcp == "":
			what = "UDP " + udp
		case udp != "":
			what += " and UDP " + udp
		}
		texts = append(texts, who+" can reach "+what)
	}
	return texts
}

// reach is the ports that are open to so much of the internet; "" if none is.
func (v *verdict) reach(who, transport string) string {
	var ports []netset.Ports
	for i, o := range v.open {
		if v.who[i] == who && o.transport == transport {
			ports = append(ports, o.ports...)
		}
	}
	if ports == nil {
		return ""
	}
	return netset.PortsOf(ports...).String()
}
