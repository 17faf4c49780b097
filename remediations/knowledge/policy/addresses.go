package policy

import (
	"math/big"
	"net/netip"
	"slices"
)

// private are the ranges of RFC 1918, which S3 doesn't call public however many they are.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
}

// fixedAddresses reports whether addresses and CIDRs are narrow enough for S3, which calls each public that is
// wider than /8, or /32 in IPv6. A list can hold as much in pieces, so all together they are measured too: no
// more than one such range is fixed, as much as the next wider one (/7, /31) is public, and between is unclear.
func fixedAddresses(values []string) certainty {
	result := yes
	var four, six []netip.Prefix
	for _, v := range values {
		if wild(v) || variable(v) {
			return no
		}
		p, ok := network(v)
		switch {
		case !ok:
			result = unsure
		case !p.Addr().Is4():
			six = append(six, p)
		case !slices.ContainsFunc(private, func(r netip.Prefix) bool { return r.Bits() <= p.Bits() && r.Contains(p.Addr()) }):
			four = append(four, p)
		}
	}
	for _, a := range []certainty{narrow(four, 32-8), narrow(six, 128-32)} {
		switch a {
		case no:
			return no
		case unsure:
			result = unsure
		}
	}
	return result
}

// network is a CIDR, or an address as the CIDR of itself. IPv4 within IPv6 is none: what S3 makes of it is not
// known.
func network(text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	return p.Masked(), !p.Addr().Is4In6()
}

// narrow reports whether networks of one family hold at most 2^bits addresses. Networks either are apart or one
// holds the other, so those that no other one holds add up to all addresses.
func narrow(networks []netip.Prefix, bits int) certainty {
	slices.SortFunc(networks, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	sum, last := new(big.Int), netip.Prefix{}
	for _, p := range networks {
		if last.IsValid() && last.Contains(p.Addr()) {
			continue
		}
		last = p
		sum.Add(sum, power(p.Addr().BitLen()-p.Bits()))
	}
	switch {
	case sum.Cmp(power(bits)) <= 0:
		return yes
	case sum.Cmp(power(bits+1)) >= 0:
		return no
	}
	return unsure
}

// power is a power of two.
func power(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) }
