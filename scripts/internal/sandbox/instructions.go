package sandbox

import (
	"fmt"
	"io"
)

// instructions say how to attack a sandbox with the AWS command line, and how to see what comes of it.
func instructions(out io.Writer, s status) {
	fmt.Fprintf(out, `
%s is AWS now, account %s, Region %s. Point the AWS command line at it, as mallory:

  unset AWS_PROFILE AWS_SESSION_TOKEN; export AWS_ENDPOINT_URL=%[1]s AWS_REGION=%[3]s AWS_DEFAULT_REGION=%[3]s AWS_ACCESS_KEY_ID=%[4]s AWS_SECRET_ACCESS_KEY=test

Make a bucket public, stop the trail, launch an instance:

  aws s3api put-bucket-policy --bucket %[5]s --policy '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%[5]s/*"}]}'
  aws cloudtrail stop-logging --name acme-main
  aws ec2 run-instances --image-id ami-0123456789abcdef0 --count 1

See what Countermand made of it, and the alerts that were mailed:

  aws s3api get-bucket-policy --bucket %[5]s
  go run ./scripts/countermand runs
  ./scripts/sandbox mail

See one of these runs in full, and take back what it did (every module enforces here: where it watches for what undo
does, it acts again):

  go run ./scripts/countermand run RUN
  go run ./scripts/countermand undo RUN

Keep it from acting, see who did that, and let it go on:

  go run ./scripts/countermand stop --reason "to see what it would do"
  go run ./scripts/countermand status
  go run ./scripts/countermand resume

Prove what it did. A digest is made when its hour is over; this makes that of this hour early, once. What is recorded
after that in this hour shows as added:

  echo "{\"time\":\"$(date -u -d '1 hour' +%%FT%%H:00:00Z)\"}" | aws lambda invoke --function-name %[6]s --payload fileb:///dev/stdin /dev/null
  aws kms get-public-key --key-id alias/countermand-ledger --query PublicKey --output text | base64 -d > .sandbox/up/key.der
  go run ./scripts/countermand verify s3://%[7]s --key .sandbox/up/key.der

Stop the sandbox, and point the AWS command line at AWS again:

  ./scripts/sandbox down
  unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
`, s.Endpoint, account, region, malloryKey, bucket, digestMaker, recordBucket)
}
