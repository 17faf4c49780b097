// Package netset answers questions about sets of addresses and of ports: do these networks, all together, let the
// internet in, and which of these ports meet those.
package netset

import (
	"cmp"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// family is what is public of IPv4 or IPv6: all of it, but for some networks.
type family struct {
	name string
	all  netip.Prefix
	not  []netip.Prefix // apart from one another
	wide int            // bits of a network that is the internet on its own; see Internet
}

// The networks that nobody is reached by over the internet.
// https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
// https://www.iana.org/assignments/ipv4-address-space/ipv4-address-space.xhtml (multicast and reserved: 224.0.0.0/3)
// https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml (global unicast is 2000::/3)
var families = []family{
	{name: "IPv4", all: netip.MustParsePrefix("0.0.0.0/0"), wide: 3, not: networks(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	)},
	{name: "IPv6", all: netip.MustParsePrefix("2000::/3"), wide: 8},
}

func networks(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Internet says how much of the internet networks hold all together, as "all public IPv4 addresses", if that is so much
// that it counts as the internet, and is empty if not. It counts, in either family, if it is
//
//   - half of all public addresses, or more: 0.0.0.0/1 and 128.0.0.0/1, or everything but 10.0.0.0/8, or everything but a
//     hole in every block. Nobody has that much: all of the United States, which have most, are some two fifths of IPv4.
//   - or, wherever that is, a whole /3 of IPv4 or a whole /8 of IPv6 in which there are public addresses. 128.0.0.0/1 is
//     less than half of what is public, and still nobody means somebody by it. No registry has such a network, let alone
//     a country or a provider: the widest are RIPE's 80.0.0.0/4, and in IPv6 two /12 of a registry next to one another.
//
// Less is a choice of somebody's addresses, though it may be a wide one.
// https://www.iana.org/assignments/ipv4-address-space/ipv4-address-space.xhtml
// https://www.iana.org/assignments/ipv6-unicast-address-assignments/ipv6-unicast-address-assignments.xhtml
func Internet(list []netip.Prefix) string {
	var parts []string
	for _, f := range families {
		if share, ok := f.internet(f.union(list)); ok {
			parts = append(parts, share+" public "+f.name+" addresses")
		}
	}
	return strings.Join(parts, " and ")
}

// internet is the share of the family's public addresses that a union holds, and whether that is the internet.
func (f family) internet(union []netip.Prefix) (string, bool) {
	public := f.public([]netip.Prefix{f.all})
	held := f.public(union)
	whole := slices.ContainsFunc(union, func(p netip.Prefix) bool {
		return p.Bits() <= f.wide && f.public([]netip.Prefix{p}).Sign() > 0
	})
	percent := new(big.Int).Div(new(big.Int).Mul(held, big.NewInt(100)), public)
	share := fmt.Sprintf("%d%% of all", percent)
	if held.Cmp(public) == 0 {
		share = "all"
	}
	return share, whole || new(big.Int).Lsh(held, 1).Cmp(public) >= 0
}

// public is how many public addresses of the family are in networks that are apart from one another.
func (f family) public(apart []netip.Prefix) *big.Int {
	held := common(apart, []netip.Prefix{f.all})
	return held.Sub(held, common(apart, f.not))
}

// common is how many addresses are in both of two lists of networks, each apart from one another. Of two networks that
// overlap, one holds the other.
func common(a, b []netip.Prefix) *big.Int {
	sum := new(big.Int)
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) {
				sum.Add(sum, size(max(p.Bits(), q.Bits()), p.Addr().BitLen()))
			}
		}
	}
	return sum
}

// size is how many addresses a network has.
func size(bits, of int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(of-bits)) }

// Count is how many addresses are in networks, each counted once.
func Count(list []netip.Prefix) *big.Int {
	sum := new(big.Int)
	for _, f := range families {
		for _, p := range f.union(list) {
			sum.Add(sum, size(p.Bits(), p.Addr().BitLen()))
		}
	}
	return sum
}

// union is the fewest networks of the family that hold the same addresses as those of a list: sorted, apart from one
// another, and no two of them the halves of one.
func (f family) union(list []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, 0, len(list))
	for _, p := range list {
		if p.IsValid() && p.Addr().BitLen() == f.all.Addr().BitLen() {
			sorted = append(sorted, p.Masked())
		}
	}
	slices.SortFunc(sorted, func(p, q netip.Prefix) int {
		return cmp.Or(p.Addr().Compare(q.Addr()), p.Bits()-q.Bits())
	})
	var union []netip.Prefix
	for _, p := range sorted {
		if n := len(union); n > 0 && union[n-1].Contains(p.Addr()) {
			continue
		}
		for n := len(union); n > 0 && halves(union[n-1], p); n-- {
			p, union = parent(p), union[:n-1]
		}
		union = append(union, p)
	}
	return union
}

// halves reports whether two networks that are apart make up the next wider one.
func halves(p, q netip.Prefix) bool { return parent(p) == parent(q) }

func parent(p netip.Prefix) netip.Prefix { return netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked() }
