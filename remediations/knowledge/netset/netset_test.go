package netset_test

import (
	"encoding/binary"
	"encoding/json"
	"math/big"
	mathbits "math/bits"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/knowledge/netset"
)

func networks(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// except is the fewest networks that hold everything but some.
func except(holes ...string) []netip.Prefix {
	list := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	for _, hole := range networks(holes...) {
		for {
			i := slices.IndexFunc(list, func(p netip.Prefix) bool { return p.Overlaps(hole) })
			if i < 0 {
				break
			}
			p := list[i]
			list = slices.Delete(list, i, i+1)
			if p.Bits() < hole.Bits() {
				lower := netip.PrefixFrom(p.Addr(), p.Bits()+1)
				bytes := p.Addr().As4()
				bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
				list = append(list, lower, netip.PrefixFrom(netip.AddrFrom4(bytes), p.Bits()+1))
			}
		}
	}
	return list
}

func TestInternet(t *testing.T) {
	const all4, all6 = "all public IPv4 addresses", "all public IPv6 addresses"
	for _, test := range []struct {
		name string
		list []netip.Prefix
		want string
	}{
		{"everything", networks("0.0.0.0/0"), all4},
		{"a prefix of no bits, wherever it begins", networks("208.236.235.254/0"), all4},
		{"everything in IPv6", networks("::/0"), all6},
		{"both", networks("0.0.0.0/0", "::/0"), all4 + " and " + all6},
		{"two halves", networks("128.0.0.0/1", "0.0.0.0/1"), all4},
		{"four quarters", networks("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"), all4},
		{"two halves of IPv6", networks("::/1", "8000::/1"), all6},
		{"the part of IPv6 that is used", networks("2000::/3"), all6},
		{"everything but a private network", except("10.0.0.0/8"), all4},
		{"everything but private networks", except("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"), all4},
		{"everything but what is not public", except("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
			"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"), all4},
		{"everything but an address", except("203.0.112.255/32"), "99% of all public IPv4 addresses"},
		{"everything but a hole in each eighth", except("1.0.0.0/32", "33.0.0.0/32", "65.0.0.0/32", "97.0.0.0/32", "129.0.0.0/32", "161.0.0.0/32", "193.0.0.0/32"),
			"99% of all public IPv4 addresses"},
		{"one half", networks("0.0.0.0/1"), "56% of all public IPv4 addresses"},
		{"the other half, of which less is public", networks("128.0.0.0/1"), "43% of all public IPv4 addresses"},
		{"a quarter", networks("64.0.0.0/2"), "28% of all public IPv4 addresses"},
		{"an eighth", networks("96.0.0.0/3"), "13% of all public IPv4 addresses"},
		{"an eighth in pieces", networks("96.0.0.0/4", "112.0.0.0/5", "120.0.0.0/6", "124.0.0.0/6"), "13% of all public IPv4 addresses"},
		{"a wide network of IPv6", networks("2a00::/8"), "3% of all public IPv6 addresses"},

		{"nothing", nil, ""},
		{"a sixteenth, all of it a registry's", networks("80.0.0.0/4"), ""},
		{"an eighth but for an address", slices.DeleteFunc(except("100.0.0.0/32"), func(p netip.Prefix) bool {
			return !netip.MustParsePrefix("96.0.0.0/3").Overlaps(p) || p.Bits() < 3
		}), ""},
		{"what is reserved", networks("224.0.0.0/3"), ""},
		{"all private networks", networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"), ""},
		{"a third, in networks of a /8 and less", networks(eights(0, 3)...), ""},
		{"a provider", networks("3.0.0.0/8", "13.32.0.0/12", "15.128.0.0/9", "18.128.0.0/9", "34.192.0.0/10", "35.152.0.0/13", "44.192.0.0/10",
			"50.16.0.0/14", "52.0.0.0/8", "54.0.0.0/8", "99.77.0.0/16"), ""},
		{"a registry's IPv6", networks("2a00::/12", "2a10::/12"), ""},
		{"local IPv6", networks("fc00::/7", "fe80::/10"), ""},
		{"IPv4 in IPv6", networks("::ffff:0:0/96"), ""},
		{"a few offices", networks("198.51.100.0/24", "203.0.113.7/32", "2001:db8::/32"), ""},
	} {
		if got := netset.Internet(test.list); got != test.want {
			t.Errorf("%s: Internet(%v) = %q, want %q", test.name, test.list, got, test.want)
		}
	}
}

// eights is every n-th /8 below 224, from one on, and so never two that make up a wider one.
func eights(from, n int) []string {
	var list []string
	for i := from; i < 224; i += n {
		list = append(list, netip.AddrFrom4([4]byte{byte(i)}).String()+"/8")
	}
	return list
}

// Half is the internet, and anything less is not, where no network is wide. Half of all public addresses is between
// 110 and 111 networks of /8.
func TestInternetIsHalf(t *testing.T) {
	less := networks(append(eights(3, 2), "8.0.0.0/10")...) // 127.0.0.0/8 and a few addresses of these are not public
	if got := netset.Internet(less); got != "" {
		t.Errorf("Internet of every second /8 = %q", got)
	}
	exactly := append(slices.Clone(less), half(t, less)...)
	if got, want := netset.Internet(exactly), "50% of all public IPv4 addresses"; got != want {
		t.Errorf("of exactly half, Internet = %q, want %q", got, want)
	}
	if got := netset.Internet(exactly[:len(exactly)-1]); got != "" {
		t.Errorf("of a network less, Internet = %q", got)
	}
	more := append(less, networks("8.64.0.0/10")...)
	if got, want := netset.Internet(more), "50% of all public IPv4 addresses"; got != want {
		t.Errorf("with another /10, Internet = %q, want %q", got, want)
	}
}

// half is networks in 16.0.0.0/8 that are apart from others, and with them make up half of what is public.
func half(t *testing.T, others []netip.Prefix) []netip.Prefix {
	t.Helper()
	public := uint64(1) << 32
	for _, p := range special {
		public -= 1 << (32 - p.Bits())
	}
	held, _ := naive(others)
	missing := public/2 - held + 1<<24 + 1<<16 + 1<<8 // of 127.0.0.0/8, 169.254.0.0/16 and 203.0.113.0/24
	var list []netip.Prefix
	for next := uint32(16 << 24); missing > 0; {
		bits := 32 - (63 - mathbits.LeadingZeros64(missing))
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], next)
		list = append(list, netip.PrefixFrom(netip.AddrFrom4(b), bits))
		next, missing = next+1<<(32-bits), missing-1<<(32-bits)
	}
	return list
}

func TestCount(t *testing.T) {
	for _, test := range []struct {
		list []netip.Prefix
		want int64
	}{
		{nil, 0},
		{networks("10.0.0.0/24", "10.0.0.7/32", "10.0.0.0/24", "10.0.1.9/24"), 512},
		{networks("0.0.0.0/0", "2001:db8::/124"), 1<<32 + 16},
		{[]netip.Prefix{{}, netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 33)}, 0},
	} {
		if got := netset.Count(test.list); got.Cmp(big.NewInt(test.want)) != 0 {
			t.Errorf("Count(%v) = %s, want %d", test.list, got, test.want)
		}
	}
}

// special is what is not public in IPv4, written down a second time.
var special = networks("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")

// naive is the number of addresses of IPv4 networks, and whether they are the internet: it cuts all addresses where a
// network begins or ends, and asks of each piece whether some network holds it.
func naive(list []netip.Prefix) (count uint64, internet bool) {
	cuts := []uint64{0, 1 << 32}
	for i := range uint64(8) {
		cuts = append(cuts, i<<29)
	}
	for _, p := range slices.Concat(list, special) {
		first := uint64(number(p.Masked().Addr()))
		cuts = append(cuts, first, first+1<<(32-p.Bits()))
	}
	slices.Sort(cuts)
	var held, public uint64
	var missing, open [8]bool
	for i, first := range cuts[1:] {
		first, size := cuts[i], first-cuts[i]
		if size == 0 {
			continue
		}
		in := holds(list, uint32(first))
		if in {
			count += size
		} else {
			missing[first>>29] = true
		}
		if !holds(special, uint32(first)) {
			public += size
			open[first>>29] = true
			if in {
				held += size
			}
		}
	}
	internet = 2*held >= public
	for i := range missing {
		internet = internet || open[i] && !missing[i]
	}
	return count, internet
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func holds(list []netip.Prefix, address uint32) bool {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], address)
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(netip.AddrFrom4(b)) })
}

// compare reads five bytes a network.
func compare(t *testing.T, data []byte) bool {
	t.Helper()
	var list []netip.Prefix
	for ; len(data) >= 5; data = data[5:] {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte(data[:4])), int(data[4]%33)))
	}
	count, internet := naive(list)
	if got := netset.Count(list); got.Cmp(new(big.Int).SetUint64(count)) != 0 {
		t.Errorf("Count(%v) = %s, want %d", list, got, count)
	}
	if got := netset.Internet(list); (got != "") != internet {
		t.Errorf("Internet(%v) = %q, want the internet: %t", list, got, internet)
	}
	return internet
}

func TestAddressesAgainstNaive(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	were := map[bool]int{}
	for range 3000 {
		data := make([]byte, 5*random.IntN(40))
		for i := range data {
			data[i] = byte(random.Uint32())
			if i%5 == 4 {
				data[i] = byte(3 + random.IntN(4)) // wide ones, so that some sets are the internet and some nearly
			}
		}
		were[compare(t, data)]++
	}
	if were[true] < 300 || were[false] < 300 {
		t.Errorf("the internet and not: %v: this compares too little of either", were)
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 128, 0, 0, 0, 1})
	f.Add([]byte{10, 0, 0, 0, 8, 10, 1, 2, 3, 32, 11, 0, 0, 0, 8})
	f.Fuzz(func(t *testing.T, data []byte) { compare(t, data) })
}

func TestPortsText(t *testing.T) {
	for text, want := range map[string]netset.Ports{
		"22": {First: 22, Last: 22}, "8000-8100": {First: 8000, Last: 8100}, "0-65535": netset.AllPorts, "7-7": {First: 7, Last: 7},
	} {
		var got netset.Ports
		if err := json.Unmarshal([]byte(`"`+text+`"`), &got); err != nil || got != want {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
		var again netset.Ports
		if written, err := json.Marshal(got); err != nil || json.Unmarshal(written, &again) != nil || again != want {
			t.Errorf("%s was written as %s, %v", text, written, err)
		}
	}
	for _, text := range []string{"", "ssh", "-1", "65536", "22-", "-22", "22-21", "1-2-3", " 22", "22 - 23", "+22", "0x16", "22,23"} {
		var got netset.Ports
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestPortSetText(t *testing.T) {
	for _, test := range []struct {
		set  netset.PortSet
		want string
	}{
		{netset.PortsOf(ports(22, 22)), "port 22 (SSH)"},
		{netset.PortsOf(ports(7, 7)), "port 7"},
		{netset.PortsOf(ports(22, 23)), "ports 22-23"},
		{netset.PortsOf(ports(3389, 3389), ports(22, 22)), "ports 22 (SSH), 3389 (RDP)"},
		{netset.PortsOf(ports(1, 1), ports(3, 3), ports(5, 5), ports(7, 7), ports(9, 9), ports(20, 30)), "ports 1, 3, 5, 7 and 2 more"},
		{netset.PortsOf(ports(0, 80), ports(81, 65535)), "all ports"},
	} {
		if got := test.set.String(); got != test.want {
			t.Errorf("%#v reads %q, want %q", test.set, got, test.want)
		}
	}
}

func ports(first, last uint16) netset.Ports { return netset.Ports{First: first, Last: last} }

// bitmap is a set of ports, each by itself.
func bitmap(ranges []netset.Ports) (held [65536]bool) {
	for _, p := range ranges {
		for port := int(p.First); port <= int(p.Last); port++ {
			held[port] = true
		}
	}
	return held
}

// comparePorts reads four bytes a range, of the first set and of the second in turn.
func comparePorts(t *testing.T, data []byte) {
	t.Helper()
	var ranges [2][]netset.Ports
	for i := 0; len(data) >= 4; i, data = i+1, data[4:] {
		a, b := binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
		ranges[i%2] = append(ranges[i%2], ports(min(a, b), max(a, b)))
	}
	given := slices.Clone(ranges[0])
	set, other := netset.PortsOf(ranges[0]...), netset.PortsOf(ranges[1]...)
	if diff := cmp.Diff(given, ranges[0]); diff != "" {
		t.Errorf("PortsOf has changed what it was given:\n%s", diff)
	}
	in, out := bitmap(ranges[0]), bitmap(ranges[1])
	without := set.Without(other)
	for _, s := range []netset.PortSet{set, other, without} {
		for i := range s {
			if s[i].First > s[i].Last || i > 0 && int(s[i].First) <= int(s[i-1].Last)+1 {
				t.Fatalf("%v is no set in order", s)
			}
		}
	}
	difference := bitmap(without)
	for port := range 65536 {
		if set.Holds(uint16(port)) != in[port] || difference[port] != (in[port] && !out[port]) {
			t.Fatalf("port %d: %v without %v is %v", port, set, other, without)
		}
	}
	for _, p := range ranges[1] {
		meets := slices.Contains(in[p.First:int(p.Last)+1], true)
		if set.Meets(p) != meets {
			t.Errorf("%v meets %v: want %t", set, p, meets)
		}
	}
}

func TestPortsAgainstNaive(t *testing.T) {
	comparePorts(t, []byte{0, 0, 255, 255, 0, 0, 0, 22, 0, 80, 1, 0, 255, 255, 255, 255})
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		data := make([]byte, 4*random.IntN(12))
		for i := range data {
			data[i] = byte(random.Uint32())
			if i%2 == 0 {
				data[i] %= 4 // near one another
			}
		}
		comparePorts(t, data)
	}
}

func FuzzPorts(f *testing.F) {
	f.Add([]byte{0, 0, 255, 255, 0, 22, 0, 22})
	f.Fuzz(func(t *testing.T, data []byte) { comparePorts(t, data) })
}

func TestTransports(t *testing.T) {
	for protocol, want := range map[string]string{
		"-1": "tcp udp", "tcp": "tcp", "TCP": "tcp", "6": "tcp", "udp": "udp", "17": "udp",
		"icmp": "", "icmpv6": "", "1": "", "58": "", "50": "", "132": "", "": "", "66": "",
	} {
		if got := strings.Join(netset.Transports(protocol), " "); got != want {
			t.Errorf("protocol %q carries %q, want %q", protocol, got, want)
		}
	}
}
