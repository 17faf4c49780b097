package trail

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const maxDepth = 64 // no document of these services comes near it

// xmlElement is an XML element.
type xmlElement struct {
	name       string
	attributes map[string]any
	text       string
	children   []*xmlElement
}

// readXML reads a document's root element.
func readXML(document []byte) (*xmlElement, error) {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the document is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			return readElement(decoder, start, 1)
		}
	}
}

func readElement(decoder *xml.Decoder, start xml.StartElement, depth int) (*xmlElement, error) {
	if depth > maxDepth {
		return nil, errors.New("read XML: it is nested too deep")
	}
	e := &xmlElement{name: start.Name.Local, attributes: map[string]any{}}
	for _, a := range start.Attr {
		e.attributes[attributeName(a.Name)] = a.Value
	}
	var text strings.Builder
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			child, err := readElement(decoder, token, depth+1)
			if err != nil {
				return nil, err
			}
			e.children = append(e.children, child)
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			e.text = strings.TrimSpace(text.String())
			return e, nil
		}
	}
}

// attributeName undoes the decoder's resolution of prefixes: CloudTrail keeps them.
func attributeName(n xml.Name) string {
	switch n.Space {
	case "":
		return n.Local
	case "xmlns":
		return "xmlns:" + n.Local
	case "http://www.w3.org/2001/XMLSchema-instance":
		return "xsi:" + n.Local
	}
	return n.Space + ":" + n.Local
}

// value is the element as S3's parameters are recorded: attributes are keys among the children, a child that
// occurs once is its value, one that occurs several times is a list, and text that reads as a boolean or a
// number is one. An empty element is nil.
func (e *xmlElement) value() any {
	if len(e.children) == 0 && len(e.attributes) == 0 {
		if e.text == "" {
			return nil
		}
		return scalar(e.text)
	}
	object := map[string]any{}
	for key, value := range e.attributes {
		object[key] = value
	}
	if len(e.children) == 0 && e.text != "" {
		object["content"] = scalar(e.text)
	}
	for _, child := range e.children {
		value := child.value()
		if value == nil {
			value = ""
		}
		switch previous := object[child.name].(type) {
		case nil:
			object[child.name] = value
		case []any:
			object[child.name] = append(previous, value)
		default:
			object[child.name] = []any{previous, value}
		}
	}
	return object
}

// scalar is a boolean or whole number where the text is exactly one, and the text otherwise.
func scalar(text string) any {
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
		return n
	}
	return text
}
