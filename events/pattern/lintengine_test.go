package pattern

import "testing"

func TestLintEngineFaults(t *testing.T) {
	runLint(t, []lintCase{
		// A text without case behind an open wildcard.
		{in(`"userAgent":[{"wildcard":"*Bucket*"},{"equals-ignore-case":"create"}]`),
			[]string{"line 2, column 38: detail.userAgent|write the wildcard last"}},
		{in(`"userAgent":[{"wildcard":"*a"},"x",{"prefix":{"equals-ignore-case":"xy"}}]`),
			[]string{"line 2, column 36: detail.userAgent|write the wildcard last"}},
		{in(`"awsRegion":[{"wildcard":"*y"},{"anything-but":{"equals-ignore-case":["root"]}}]`),
			[]string{"line 2, column 32: detail.awsRegion|write the wildcard last"}},
		{in(`"awsRegion":[{"anything-but":{"wildcard":["a*","*y"]}},{"suffix":{"equals-ignore-case":"t"}}]`),
			[]string{"line 2, column 56: detail.awsRegion|write the wildcard last"}},
		{in(`"$or":[{"userAgent":[{"wildcard":"*a"}]},{"awsRegion":["a"]},{"userAgent":[{"equals-ignore-case":"xy"}]}]`),
			[]string{"line 2, column 76: detail.userAgent|write the wildcard last"}},
		{in(`"userAgent":[{"equals-ignore-case":"create"},{"wildcard":"*Bucket*"}]`), nil},
		{in(`"userAgent":[{"wildcard":"a*Bucket*"},{"equals-ignore-case":"create"}]`), nil},
		{in(`"userAgent":[{"wildcard":"*Bucket*"},{"prefix":"create"}]`), nil},

		// Alternatives that overlap in each field.
		{in(`"$or":[{"eventName":["PutBucketAcl","PutBucketPolicy"]},{"eventName":["PutBucketPolicy","DeleteBucketPolicy"]}]`),
			[]string{"line 2, column 70: detail.eventName|drops it"}},
		{in(`"$or":[{"eventName":["PutBucketAcl"]},{"eventName":["DeleteBucketPolicy",{"prefix":"PutObj"},"PutBucketAcl"]}]`),
			[]string{"line 2, column 52: detail.eventName|drops it"}},
		{in(`"$or":[{"eventName":["PutBucketAcl"]},{"eventName":["PutBucketPolicy"]},{"eventName":["PutBucketAcl","PutBucketPolicy"]}]`),
			[]string{"line 2, column 86: detail.eventName|drops it"}},
		{in(`"$or":[{"eventName":["PutBucketAcl"]},{"eventName":["PutBucketPolicy"]}]`), nil},
		{in(`"$or":[{"eventName":["PutBucketAcl"]},{"eventName":["PutBucketAcl"]}]`), nil},
		{in(`"$or":[{"eventName":["PutBucketAcl"]},{"eventName":["PutBucketAcl"],"awsRegion":["eu-west-1"]}]`), nil},
		{in(`"$or":[{"eventName":["PutBucketAcl"],"awsRegion":["eu-west-1"]},{"eventName":["PutBucketAcl"],"awsRegion":["eu-west-2"]}]`), nil},
	})
}
