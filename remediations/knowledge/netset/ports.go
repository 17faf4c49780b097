package netset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Ports is the ports from one to another, both included. Its text is "22" or "8000-8100".
type Ports struct{ First, Last uint16 }

// AllPorts is every port.
var AllPorts = Ports{0, 65535}

// UnmarshalText refuses what is neither a port nor a range of them.
func (p *Ports) UnmarshalText(text []byte) error {
	first, last, ok := strings.Cut(string(text), "-")
	if !ok {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a > b {
		return fmt.Errorf("want a port or a range of ports, 22 or 8000-8100, got %q", text)
	}
	*p = Ports{uint16(a), uint16(b)}
	return nil
}

// MarshalText is what UnmarshalText reads.
func (p Ports) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p Ports) String() string {
	if p.First == p.Last {
		return strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

// Holds reports whether a port is among them.
func (p Ports) Holds(port uint16) bool { return p.First <= port && port <= p.Last }

// PortSet is a set of ports: ranges in order, with ports between each two of them. The zero value is none.
type PortSet []Ports

// PortsOf is the ports of all of some ranges.
func PortsOf(ranges ...Ports) PortSet {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(p, q Ports) int { return int(p.First) - int(q.First) })
	var set PortSet
	for _, p := range sorted {
		if n := len(set); n > 0 && int(p.First) <= int(set[n-1].Last)+1 {
			set[n-1].Last = max(set[n-1].Last, p.Last)
			continue
		}
		set = append(set, p)
	}
	return set
}

// Holds reports whether a port is in the set.
func (s PortSet) Holds(port uint16) bool {
	return slices.ContainsFunc(s, func(p Ports) bool { return p.Holds(port) })
}

// Meets reports whether a port of a range is in the set.
func (s PortSet) Meets(p Ports) bool {
	return slices.ContainsFunc(s, func(q Ports) bool { return q.First <= p.Last && p.First <= q.Last })
}

// Without is the ports of the set that are not in another: PortsOf(AllPorts).Without(s) is any port except those.
func (s PortSet) Without(other PortSet) PortSet {
	var set PortSet
	for _, p := range s {
		next := int(p.First)
		for _, q := range other {
			if q.Last < p.First || q.First > p.Last {
				continue
			}
			if int(q.First) > next {
				set = append(set, Ports{uint16(next), q.First - 1})
			}
			next = int(q.Last) + 1
		}
		if next <= int(p.Last) {
			set = append(set, Ports{uint16(next), p.Last})
		}
	}
	return set
}

// services is what usually listens on a port, for people to read.
var services = map[uint16]string{
	20: "FTP", 21: "FTP", 22: "SSH", 23: "Telnet", 25: "SMTP", 80: "HTTP", 110: "POP3", 135: "RPC", 143: "IMAP",
	443: "HTTPS", 445: "SMB", 1433: "SQL Server", 1434: "SQL Server", 1521: "Oracle", 2375: "Docker", 2376: "Docker",
	3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL", 5601: "OpenSearch Dashboards", 5985: "WinRM", 5986: "WinRM",
	6379: "Redis", 9200: "OpenSearch", 9300: "OpenSearch", 10250: "kubelet", 11211: "Memcached", 27017: "MongoDB",
}

// most is how many ranges are written out.
const most = 4

// String names the ports, or the first of many: "port 22 (SSH)", "ports 22 (SSH), 8000-8100 and 3 more", "all ports".
func (s PortSet) String() string {
	if len(s) == 1 && s[0] == AllPorts {
		return "all ports"
	}
	var parts []string
	for _, p := range s[:min(len(s), most)] {
		text := p.String()
		if service := services[p.First]; service != "" && p.First == p.Last {
			text += " (" + service + ")"
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, ", ")
	if more := len(s) - len(parts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(s) == 1 && s[0].First == s[0].Last {
		return "port " + text
	}
	return "ports " + text
}

// The protocols that have ports, as EC2 calls them.
const (
	TCP = "tcp"
	UDP = "udp"
)

// Transports is which of TCP and UDP a rule of EC2's lets through, by its protocol: a name or a number, "-1" for all.
// ICMP and other protocols have no ports.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
func Transports(protocol string) []string {
	switch strings.ToLower(protocol) {
	case "-1":
		return []string{TCP, UDP}
	case TCP, "6":
		return []string{TCP}
	case UDP, "17":
		return []string{UDP}
	}
	return nil
}
