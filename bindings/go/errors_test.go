package entropy_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"libentropy/entropy"
)

var twelve = []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6}

func threeOfFour() entropy.Array { return entropy.Array{F32: twelve, Batch: 1, Seq: 3, Vocab: 4} }

func sevens(n int) []float32 { return slices.Repeat([]float32{7}, n) }

// refused fails unless err is want, and the slices are still what sevens made.
func refused(t *testing.T, what any, err, want error, written ...[]float32) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v: %v, not %v", what, err, want)
	}
	for _, w := range written {
		if !slices.Equal(w, sevens(len(w))) {
			t.Errorf("%v: written", what)
		}
	}
}

func TestSimpleCallsRefuse(t *testing.T) {
	for _, vocab := range []int{5, 0, -4, math.MaxInt, math.MinInt} {
		out := sevens(3)
		_, err := entropy.F32(twelve, vocab, out)
		refused(t, vocab, err, entropy.ErrShape, out)
		if got, err := entropy.F32(twelve, vocab, nil); got != nil || err == nil {
			t.Error(vocab, got, err)
		}
	}
	bits := make([]uint16, 12)
	for _, n := range []int{0, 2, 4} {
		out := sevens(n)
		_, err := entropy.F32(twelve, 4, out)
		refused(t, n, err, entropy.ErrShape, out)
		_, err = entropy.F16(bits, 4, out)
		refused(t, n, err, entropy.ErrShape, out)
		_, err = entropy.BF16(bits, 4, out)
		refused(t, n, err, entropy.ErrShape, out)
	}
	_, err := entropy.F16(bits, 5, nil)
	refused(t, "F16", err, entropy.ErrShape)
	_, err = entropy.BF16(bits, 5, nil)
	refused(t, "BF16", err, entropy.ErrShape)
}

func TestArraysAreRefused(t *testing.T) {
	const huge = 1 << 62
	for _, a := range []entropy.Array{
		{F32: twelve, Batch: 1, Seq: 3, Vocab: 5},
		{F32: twelve, Batch: 1, Seq: 2, Vocab: 4}, // dense, and more than that
		{F32: twelve, Batch: 1, Seq: 3, Vocab: 0},
		{F32: twelve, Batch: -1, Seq: -3, Vocab: 4},
		{F32: twelve, Batch: -1, Seq: 0, Vocab: 4},
		{F32: twelve, Batch: 1, Seq: 1, Vocab: -4},
		{F32: twelve, Batch: 1, Seq: 3, Vocab: 4, SeqStride: 5},
		{F32: twelve, Batch: 3, Seq: 1, Vocab: 4, BatchStride: 5},
		{F32: twelve, Batch: 1, Seq: 3, Vocab: 4, SeqStride: 3},
		{F32: twelve, Batch: 1, Seq: 3, Vocab: 4, SeqStride: -4},
		{F32: twelve, Batch: 3, Seq: 1, Vocab: 4, BatchStride: -4},
		{F32: twelve, Batch: 3, Seq: 1, Vocab: 4, SeqStride: -4},
		{F32: twelve, Batch: 2, Seq: 1, Vocab: 4, BatchStride: math.MaxInt},
		{F32: twelve, Batch: 3, Seq: 3, Vocab: 1, BatchStride: huge, SeqStride: huge},
		{F32: twelve, Batch: huge, Seq: huge, Vocab: 1},
		{F32: twelve, Batch: huge, Seq: 4, Vocab: 1},
		{F32: twelve, Batch: 2, Seq: 2, Vocab: math.MaxInt},
		{Batch: 1, Seq: 3, Vocab: 4},
		{F16: make([]uint16, 11), Batch: 1, Seq: 3, Vocab: 4},
		{BF16: make([]uint16, 11), Batch: 1, Seq: 3, Vocab: 4},
	} {
		out := sevens(3)
		refused(t, a, entropy.Forward(a, entropy.Options{}, entropy.Results{Entropy: out}), entropy.ErrShape, out)
		refused(t, a, entropy.Forward(a, entropy.Options{}, entropy.Results{}), entropy.ErrShape)
	}
	two := threeOfFour()
	two.BF16 = make([]uint16, 12)
	refused(t, "two types", entropy.Forward(two, entropy.Options{}, entropy.Results{}), entropy.ErrValue)
}

func TestOptionsAreRefused(t *testing.T) {
	wide := entropy.Array{F32: make([]float32, 3*64), Batch: 3, Seq: 1, Vocab: 64}
	for _, c := range []struct {
		logits  entropy.Array
		options entropy.Options
		want    error
	}{
		{threeOfFour(), entropy.Options{Temperature: []float32{}}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Temperature: []float32{1, 1}}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Temperature: []float32{0}}, entropy.ErrValue},
		{threeOfFour(), entropy.Options{Temperature: []float32{nan}}, entropy.ErrValue},
		{threeOfFour(), entropy.Options{Temperature: []float32{1, 1, -1}}, entropy.ErrValue},
		{threeOfFour(), entropy.Options{Target: []int64{0, 1}}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Target: []int64{0, 1, 4}}, entropy.ErrValue},
		{threeOfFour(), entropy.Options{RowMask: []bool{true}}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Allowed: []uint32{}}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Allowed: []uint32{1, 1, 1}}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Allowed: make([]uint32, 4), AllowedStride: 2}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Allowed: make([]uint32, 7), AllowedStride: 2}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Allowed: make([]uint32, 3), AllowedStride: -1}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{Allowed: make([]uint32, 3), AllowedStride: math.MaxInt}, entropy.ErrShape},
		{wide, entropy.Options{Allowed: make([]uint32, 3), AllowedStride: 1}, entropy.ErrShape},
		{wide, entropy.Options{Allowed: make([]uint32, 4), AllowedStride: 1}, entropy.ErrShape},
		{threeOfFour(), entropy.Options{NumThreads: -1}, entropy.ErrValue},
		{threeOfFour(), entropy.Options{NumThreads: 1<<32 + 1}, entropy.ErrValue},
	} {
		out, states := sevens(3), make([]entropy.State, 3)
		refused(t, c.options, entropy.Forward(c.logits, c.options, entropy.Results{Entropy: out}), c.want, out)
		refused(t, c.options, entropy.ForwardStates(c.logits, c.options, states), c.want)
		gradient := c.logits
		gradient.F32 = sevens(len(c.logits.F32))
		upstream := entropy.Upstream{Entropy: []float32{1, 1, 1}}
		refused(t, c.options, entropy.Backward(c.logits, c.options, upstream, gradient), c.want, gradient.F32)
		if states[0] != (entropy.State{}) {
			t.Error("written")
		}
	}
	out := sevens(3)
	err := entropy.Forward(threeOfFour(), entropy.Options{}, entropy.Results{TargetLogprob: out})
	refused(t, "no target", err, entropy.ErrNull, out)
}

func TestResultsAreRefused(t *testing.T) {
	target := entropy.Options{Target: []int64{0, 1, 2}}
	for _, n := range []int{0, 2, 4} {
		wrong, integers := sevens(n), make([]int64, n)
		for i, results := range []entropy.Results{
			{Varentropy: wrong}, {Logsumexp: wrong}, {MaxLogit: wrong}, {MaxLogprob: wrong}, {TargetLogprob: wrong},
			{Argmax: integers}, {Support: integers}, {Entropy: wrong},
		} {
			right := sevens(3)
			if results.Entropy == nil {
				results.Entropy = right
			}
			refused(t, i, entropy.Forward(threeOfFour(), target, results), entropy.ErrShape, wrong, right)
			err := entropy.ResultsOfStates(make([]entropy.State, 3), nil, results)
			refused(t, i, err, entropy.ErrShape, wrong, right)
		}
		refused(t, n, entropy.ForwardStates(threeOfFour(), target, make([]entropy.State, n)), entropy.ErrShape)
		refused(t, n, entropy.MergeStates(make([]entropy.State, 3), make([]entropy.State, n)), entropy.ErrShape)
		err := entropy.ResultsOfStates(make([]entropy.State, 3), make([]bool, n), entropy.Results{})
		refused(t, n, err, entropy.ErrShape)
	}
	if err := entropy.ResultsOfStates(nil, nil, entropy.Results{}); err != nil {
		t.Error(err)
	}
}

func TestGradientsAreRefused(t *testing.T) {
	target := entropy.Options{Target: []int64{0, 1, 2}}
	one, two := []float32{1, 1, 1}, []float32{1, 1}
	gradient := threeOfFour()
	gradient.F32 = sevens(12)
	for i, upstream := range []entropy.Upstream{
		{Entropy: two}, {Logsumexp: two}, {TargetLogprob: two},
		{Entropy: one, Results: entropy.Results{Entropy: two, MaxLogit: one, MaxLogprob: one}},
		{Entropy: one, Results: entropy.Results{Entropy: one, MaxLogit: two, MaxLogprob: one}},
		{Entropy: one, Results: entropy.Results{Entropy: one, MaxLogit: one, MaxLogprob: two}},
	} {
		refused(t, i, entropy.Backward(threeOfFour(), target, upstream, gradient), entropy.ErrShape, gradient.F32)
	}
	upstream := entropy.Upstream{Entropy: one, TargetLogprob: one}
	err := entropy.Backward(threeOfFour(), entropy.Options{}, upstream, gradient)
	refused(t, "no target", err, entropy.ErrNull, gradient.F32)
	for _, wrong := range []entropy.Array{
		{F32: sevens(12), Batch: 1, Seq: 4, Vocab: 3},
		{F32: sevens(12), Batch: 3, Seq: 1, Vocab: 4},
		{F32: sevens(11), Batch: 1, Seq: 3, Vocab: 4},
		{F32: sevens(12), Batch: 1, Seq: 3, Vocab: 4, SeqStride: 3},
		{F16: make([]uint16, 12), Batch: 1, Seq: 3, Vocab: 4},
		{Batch: 1, Seq: 3, Vocab: 4},
	} {
		refused(t, wrong, entropy.Backward(threeOfFour(), target, upstream, wrong), entropy.ErrShape, wrong.F32)
	}
}

func TestMessages(t *testing.T) {
	seen := map[string]bool{}
	for _, status := range []entropy.Status{
		entropy.ErrNull, entropy.ErrShape, entropy.ErrValue, entropy.ErrISA, entropy.ErrNoMemory,
	} {
		message := status.Error()
		if seen[message] || strings.Contains(message, "unknown") || !strings.HasPrefix(message, "entropy: ") {
			t.Error(message)
		}
		seen[message] = true
	}
	if entropy.Status(5).Error() != "entropy: unknown status" {
		t.Error(entropy.Status(5))
	}
	_, err := entropy.F32(twelve, 4, sevens(2))
	var status entropy.Status
	message := "out has 2 elements, not 3"
	if !errors.As(err, &status) || status != entropy.ErrShape || !strings.Contains(err.Error(), message) {
		t.Error(err)
	}
}
