// Package events reads what EventBridge delivers: the envelope, and the CloudTrail record in it. The event pattern
// language that decides which events a rule receives is in the package pattern below it.
//
// Field names are compared exactly. encoding/json ignores case when it fills a struct, which would let
// one event mean two things to the pattern and to the code behind it, so nothing here is decoded that way.
package events
