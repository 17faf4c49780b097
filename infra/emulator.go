package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// emulator reports whether the stacks are for an emulator of AWS (-c emulator=true). It then leaves out, and
// nothing but:
//
//   - the trail's stack: ministack has no AWS::CloudTrail::Trail, and a type it lacks rolls the stack back.
//
// What is left out is checked on the templates instead.
func emulator(app awscdk.App) (bool, error) {
	switch value := app.Node().TryGetContext(jsii.String("emulator")); value {
	case nil, "false", false:
		return false, nil
	case "true", true:
		return true, nil
	default:
		return false, fmt.Errorf("context emulator is %v: want true or false", value)
	}
}
