package ec2sgopeningress

import (
	"errors"
	"slices"

	"github.com/countermand/countermand/remediations/knowledge/netset"
)

// Settings is what the module's owner may set.
type Settings struct {
	ProtectedPorts  []netset.Ports `json:"protectedPorts" doc:"ports, as 22 or 8000-8100, TCP and UDP, that must not be open to the internet"`
	AllowedPorts    []netset.Ports `json:"allowedPorts" doc:"ports that may be open to the internet, whatever the other settings say"`
	AlertOtherPorts bool           `json:"alertOtherPorts" doc:"whether people are told of all other ports that are open to the internet, too"`
}

// defaults protects the ports of high risk, and allows those of the web, which are those that EC2.18 allows.
// https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-18
var defaults = Settings{
	ProtectedPorts: slices.Concat(
		// https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19
		each(20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300),
		// Oracle, Docker, WinRM, Redis, kubelet, Memcached, MongoDB: as much at risk, and not in EC2.19.
		each(1521, 2375, 2376, 5985, 5986, 6379, 10250, 11211, 27017),
	),
	AllowedPorts: each(80, 443),
}

func each(ports ...uint16) []netset.Ports {
	var list []netset.Ports
	for _, port := range ports {
		list = append(list, netset.Ports{First: port, Last: port})
	}
	return list
}

// Check refuses settings by which nothing would ever be found.
func (s Settings) Check() error {
	if len(s.watched()) == 0 {
		return errors.New("no port is watched: each of protectedPorts is in allowedPorts, and alertOtherPorts is false")
	}
	return nil
}

// protected is the ports that are closed.
func (s Settings) protected() netset.PortSet {
	return netset.PortsOf(s.ProtectedPorts...).Without(netset.PortsOf(s.AllowedPorts...))
}

// other is the ports that people are only told of.
func (s Settings) other() netset.PortSet {
	if !s.AlertOtherPorts {
		return nil
	}
	return netset.PortsOf(netset.AllPorts).Without(netset.PortsOf(slices.Concat(s.ProtectedPorts, s.AllowedPorts)...))
}

func (s Settings) watched() netset.PortSet {
	return netset.PortsOf(slices.Concat(s.protected(), s.other())...)
}
