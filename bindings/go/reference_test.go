package entropy_test

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A row is what results are by definition, in float64.
type row struct {
	p, logP                                  []float64
	entropy, varentropy, logsumexp, maxLogit float64
	argmax, support                          int
}

// reference leaves out the tokens that are not allowed; a nil allowed allows all.
func reference(logits []float32, temperature float64, allowed func(int) bool) row {
	r := row{maxLogit: math.Inf(-1), argmax: -1}
	z := make([]float64, len(logits))
	for i, logit := range logits {
		z[i] = float64(logit)
		if allowed != nil && !allowed(i) {
			z[i] = math.Inf(-1)
		}
		if z[i] > r.maxLogit {
			r.maxLogit, r.argmax = z[i], i
		}
		if z[i] > math.Inf(-1) {
			r.support++
		}
	}
	var sum float64
	for _, z := range z {
		sum += math.Exp((z - r.maxLogit) / temperature)
	}
	r.logsumexp = r.maxLogit/temperature + math.Log(sum)
	for _, z := range z {
		logP := (z-r.maxLogit)/temperature - math.Log(sum)
		r.logP, r.p = append(r.logP, logP), append(r.p, math.Exp(logP))
		if z > math.Inf(-1) {
			r.entropy -= math.Exp(logP) * logP
		}
	}
	for i, p := range r.p {
		if p > 0 {
			r.varentropy += p * math.Pow(r.logP[i]+r.entropy, 2)
		}
	}
	return r
}

// close is false for NaN. The tolerance is within the library's error bounds of rows that are not nearly certain.
func close(got float32, want float64) bool {
	return math.Abs(float64(got)-want) <= 2e-6*max(math.Abs(want), 1)
}

func expect(t *testing.T, name string, got float32, want float64) {
	t.Helper()
	if !close(got, want) {
		t.Errorf("%s is %v, not %v", name, got, want)
	}
}

// normal returns n logits.
func normal(n int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	z := make([]float32, n)
	for i := range z {
		z[i] = float32(3 * random.NormFloat64())
	}
	return z
}

func isNaN(x float32) bool { return x != x }

var inf, nan = float32(math.Inf(1)), float32(math.NaN())
