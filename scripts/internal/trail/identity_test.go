package trail

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// A persona is told who it is. Everybody else, and whoever asks STS for something else, is answered by the emulator.
func TestIdentify(t *testing.T) {
	e := newEmulator(t, answers(200, "the emulator"))
	address, trail, stop := e.start(t)
	client := sts.New(sts.Options{
		BaseEndpoint: &address, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("ASIADEPLOY", "test", ""), HTTPClient: Client(),
	})
	who, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(who.Account) + " " + aws.ToString(who.Arn); got != account+" arn:aws:sts::111122223333:assumed-role/deploy/build-7" || aws.ToString(who.UserId) == "" {
		t.Errorf("got %s, user id %q", got, aws.ToString(who.UserId))
	}
	for _, c := range []struct{ key, service, body string }{
		{"test", "sts", "Action=GetCallerIdentity"}, {"ASIADEPLOY", "sts", "Action=AssumeRole"}, {"ASIADEPLOY", "sqs", "Action=GetCallerIdentity"},
	} {
		if _, body := send(t, signed(t, "POST", address, c.key, c.service, c.body)); body != "the emulator" {
			t.Errorf("%+v: %s", c, body)
		}
	}
	stop()
	if len(e.seen) != 3 || len(trail.Events()) > 0 {
		t.Errorf("the emulator was called %d times, and there were %d events", len(e.seen), len(trail.Events()))
	}
}
