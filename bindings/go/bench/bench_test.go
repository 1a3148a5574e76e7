// Package bench compares package entropy with gonum, which has float64 only: logits are converted first, as its users
// must.
package bench

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"libentropy/entropy"
)

// gonum fills p with the softmax of logits, and returns its entropy.
func gonum(logits []float32, p []float64) float64 {
	for i, z := range logits {
		p[i] = float64(z)
	}
	logsumexp := floats.LogSumExp(p)
	for i, z := range p {
		p[i] = math.Exp(z - logsumexp)
	}
	return stat.Entropy(p)
}

// loop is what one would write by hand.
func loop(logits []float32) float64 {
	maximum := math.Inf(-1)
	for _, z := range logits {
		maximum = max(maximum, float64(z))
	}
	var sum, moment float64
	for _, z := range logits {
		d := float64(z) - maximum
		e := math.Exp(d)
		sum += e
		moment += d * e
	}
	return math.Log(sum) - moment/sum
}

func BenchmarkEntropy(b *testing.B) {
	for _, vocab := range []int{1000, 32000, 151936} {
		logits, p, out := make([]float32, vocab), make([]float64, vocab), make([]float32, 1)
		for i := range logits {
			logits[i] = float32(i*7919%10007) / 700
		}
		if _, err := entropy.F32(logits, vocab, out); err != nil {
			b.Fatal(err)
		}
		for _, other := range []float64{gonum(logits, p), loop(logits)} {
			if !(math.Abs(other-float64(out[0])) < 1e-5) {
				b.Fatal(other, out[0])
			}
		}
		bench := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/%d", name, vocab), func(b *testing.B) {
				b.SetBytes(int64(4 * vocab))
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		bench("gonum", func() { gonum(logits, p) })
		bench("loop", func() { loop(logits) })
		bench("entropy", func() { entropy.F32(logits, vocab, out) })
	}
}

// What a call costs apart from its work.
func BenchmarkCall(b *testing.B) {
	logits, out := []float32{1}, make([]float32, 1)
	b.Run("F32", func(b *testing.B) {
		for b.Loop() {
			entropy.F32(logits, 1, out)
		}
	})
	b.Run("Forward", func(b *testing.B) {
		array, results := entropy.Array{F32: logits, Batch: 1, Seq: 1, Vocab: 1}, entropy.Results{Entropy: out}
		for b.Loop() {
			entropy.Forward(array, entropy.Options{}, results)
		}
	})
}
