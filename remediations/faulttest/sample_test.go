package faulttest

import "testing"

// One scenario in a share is played, whichever the seed, and seeds choose different ones.
func TestSamplesAreDisjoint(t *testing.T) {
	played := map[int]int{}
	for seed := range 3 {
		l := &results{sample: sample{share: 3, seed: seed}}
		for scenario := range 30 {
			if l.next() {
				played[scenario]++
			}
		}
	}
	for scenario := range 30 {
		if played[scenario] != 1 {
			t.Errorf("scenario %d is played by %d of the three samples, want 1", scenario, played[scenario])
		}
	}
}

func TestSampleErrors(t *testing.T) {
	for _, text := range []string{"0", "-1", "half", "1.5"} {
		t.Setenv("FAULTS_SHARE", text)
		if n, err := fromEnvironment("FAULTS_SHARE", 1, 1); err == nil {
			t.Errorf("FAULTS_SHARE=%s is %d, want an error", text, n)
		}
	}
	t.Setenv("FAULTS_SHARE", "7")
	if n, err := fromEnvironment("FAULTS_SHARE", 1, 1); n != 7 || err != nil {
		t.Errorf("FAULTS_SHARE=7 is %d, %v", n, err)
	}
}
