package trail

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lists are CloudTrail's names for the lists of EC2's query protocol, and for the elements of lists of
// plain values. A list that is not here is named after its parameter.
var lists = map[string]struct{ name, element string }{
	"GroupId":            {"groupSet", "groupId"},
	"InstanceId":         {"instancesSet", "instanceId"},
	"Ipv6Address":        {"ipv6AddressesSet", "ipv6Address"},
	"NetworkInterface":   {"networkInterfaceSet", ""},
	"NetworkInterfaceId": {"networkInterfaceIdSet", "networkInterfaceId"},
	"PrivateIpAddresses": {"privateIpAddressesSet", ""},
	"ResourceId":         {"resourcesSet", "resourceId"},
	"SecurityGroup":      {"groupSet", "groupName"},
	"SecurityGroupId":    {"groupSet", "groupId"},
	"Tag":                {"tagSet", ""},
	"TagSpecification":   {"tagSpecificationSet", ""},
}

// numbers are the parameters and answers that CloudTrail writes as numbers. The size of a volume is not one.
var numbers = map[string]bool{
	"amiLaunchIndex": true, "code": true, "coreCount": true, "deviceIndex": true, "fromPort": true,
	"httpPutResponseHopLimit": true, "iops": true, "ipv6AddressCount": true, "maxCount": true, "minCount": true,
	"networkCardIndex": true, "ruleNumber": true, "secondaryPrivateIpAddressCount": true, "threadsPerCore": true,
	"throughput": true, "toPort": true, "volumeSize": true,
}

// instants are the answers that CloudTrail writes in milliseconds since 1970.
var instants = map[string]bool{"attachTime": true, "createTime": true, "launchTime": true, "startTime": true}

// ec2Call reads a call of EC2's query protocol.
func ec2Call(s credentialScope, r *http.Request, body []byte) *call {
	query := r.URL.Query()
	if r.Method == http.MethodPost {
		var err error
		if query, err = url.ParseQuery(string(body)); err != nil {
			return nil // EC2 can't tell either what was asked of it
		}
	}
	name := query.Get("Action")
	if name == "" || reading.MatchString(name) {
		return nil
	}
	return &call{
		source:  ec2Source,
		name:    name,
		host:    "ec2." + s.region + ".amazonaws.com",
		request: ec2Request(name, query),
		response: func(seen *exchange) any {
			root, err := readXML(seen.body)
			if err != nil {
				return nil
			}
			return ec2Response(name, root)
		},
		failure: ec2Failure,
	}
}

// parameter is a node of the tree that the dots of query keys make: "TagSpecification.1.Tag.2.Key".
type parameter struct {
	text     string
	children map[string]*parameter
}

// ec2Request is requestParameters of a query.
func ec2Request(name string, query url.Values) map[string]any {
	root := &parameter{}
	for _, key := range sortedKeys(query) {
		if key == "Action" || key == "Version" || strings.Count(key, ".") > maxDepth {
			continue
		}
		node := root
		for step := range strings.SplitSeq(key, ".") {
			if node.children == nil {
				node.children = map[string]*parameter{}
			}
			if node.children[step] == nil {
				node.children[step] = &parameter{}
			}
			node = node.children[step]
		}
		node.text = query.Get(key)
	}
	request := root.object()
	switch name {
	case "RunInstances":
		instances(request)
	case "CreateVolume":
		rename(request, "availabilityZone", "zone")
	case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress":
		permissions(request)
	}
	return request
}

// instances puts what is launched where CloudTrail has it, and adds what it writes for what was not said.
func instances(request map[string]any) {
	launched := map[string]any{}
	for _, key := range []string{"imageId", "minCount", "maxCount", "keyName"} {
		if value, ok := request[key]; ok {
			launched[key] = value
			delete(request, key)
		}
	}
	request["instancesSet"] = map[string]any{"items": []any{launched}}
	for key, value := range map[string]any{
		"blockDeviceMapping":    map[string]any{},
		"monitoring":            map[string]any{"enabled": false},
		"disableApiTermination": false,
		"disableApiStop":        false,
	} {
		if _, ok := request[key]; !ok {
			request[key] = value
		}
	}
}

// permissions adds the empty collections that CloudTrail writes for the sources that a rule does not name.
func permissions(request map[string]any) {
	if request["ipPermissions"] == nil {
		request["ipPermissions"] = map[string]any{}
	}
	rules, _ := request["ipPermissions"].(map[string]any)
	items, _ := rules["items"].([]any)
	for _, item := range items {
		rule, ok := item.(map[string]any)
		if !ok {
			continue
		}
		for _, key := range []string{"groups", "ipRanges", "ipv6Ranges", "prefixListIds"} {
			if rule[key] == nil {
				rule[key] = map[string]any{}
			}
		}
	}
}

func rename(object map[string]any, from, to string) {
	if value, ok := object[from]; ok {
		object[to] = value
		delete(object, from)
	}
}

func (p *parameter) object() map[string]any {
	object := map[string]any{}
	for name, child := range p.children {
		switch {
		case len(child.children) == 0:
			object[lowerFirst(name)] = ec2Scalar(lowerFirst(name), child.text)
		case !child.isList():
			object[lowerFirst(name)] = child.object()
		case name == "Tag" && p.children["ResourceType"] != nil:
			object["tags"] = child.items("") // of a tag specification: the one list that is written as a list
		default:
			known, ok := lists[name]
			if !ok {
				known.name, known.element = lowerFirst(name), lowerFirst(name)
			}
			object[known.name] = map[string]any{"items": child.items(known.element)}
		}
	}
	return object
}

// isList reports whether the node's children are numbered.
func (p *parameter) isList() bool {
	for key := range p.children {
		if number(key) < 0 {
			return false
		}
	}
	return true
}

// number is the number that a step of a key is, or -1.
func number(step string) int {
	n, err := strconv.Atoi(step)
	if err != nil {
		return -1
	}
	return n
}

// items are the elements of a list in their order.
func (p *parameter) items(element string) []any {
	keys := sortedKeys(p.children)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	var items []any
	for _, key := range keys {
		child := p.children[key]
		if len(child.children) > 0 {
			items = append(items, child.object())
		} else {
			items = append(items, map[string]any{element: ec2Scalar(element, child.text)})
		}
	}
	return items
}

// ec2Response is responseElements of an answer.
func ec2Response(name string, root *xmlElement) any {
	object, ok := ec2Value(root).(map[string]any)
	if !ok {
		return nil
	}
	rename(object, "return", "_return")
	if name == "CreateVolume" {
		rename(object, "availabilityZone", "zone")
	}
	return object
}

// ec2Value is an element of an answer: lists are {"items": [...]}, and an empty one is {}.
func ec2Value(e *xmlElement) any {
	switch {
	case len(e.children) == 0 && e.text == "":
		return map[string]any{}
	case len(e.children) == 0:
		return ec2Scalar(e.name, e.text)
	case e.children[0].name == "item":
		key := "items"
		if e.name == "privateIpAddressesSet" {
			key = "item" // so written, in answers only
		}
		items := []any{}
		for _, child := range e.children {
			items = append(items, ec2Value(child))
		}
		return map[string]any{key: items}
	}
	object := map[string]any{}
	for _, child := range e.children {
		if len(child.children) == 0 && child.text == "" && !isCollection(child.name) {
			continue
		}
		object[child.name] = ec2Value(child)
	}
	return object
}

// isCollection reports whether an empty element is an empty list rather than a value that is not there.
func isCollection(name string) bool {
	return strings.HasSuffix(name, "Set") || name == "blockDeviceMapping" || name == "productCodes"
}

func ec2Scalar(name, text string) any {
	switch {
	case name == "userData":
		return "<sensitiveDataRemoved>"
	case text == "true":
		return true
	case text == "false":
		return false
	case numbers[name]:
		return scalar(text)
	case instants[name]:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.UnixMilli()
		}
	}
	return text
}

// ec2Failure reads EC2's error document. CloudTrail puts the one at fault before the code.
func ec2Failure(status int, body []byte) (code, message string) {
	var answer struct {
		Errors []struct{ Code, Message string } `xml:"Errors>Error"`
	}
	if xml.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
		return unknownFailure(status)
	}
	fault := "Client."
	if status >= 500 {
		fault = "Server."
	}
	return fault + answer.Errors[0].Code, answer.Errors[0].Message
}
