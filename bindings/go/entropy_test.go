package entropy_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"libentropy/entropy"
)

const vocab = 1500 // more than one block of the library's, and a rest

// bfloat16 rounds towards zero; binary16 does so for the logits of the tests, whose exponents it has.
func bfloat16(x float32) uint16   { return uint16(math.Float32bits(x) >> 16) }
func fromBfloat(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
func binary16(x float32) uint16 {
	b := math.Float32bits(x)
	if exponent := int(b>>23&0xff) - 127 + 15; exponent > 0 {
		return uint16(b>>16&0x8000 | uint32(exponent)<<10 | b>>13&0x3ff)
	}
	return uint16(b >> 16 & 0x8000)
}
func fromBinary(h uint16) float32 {
	if h&0x7c00 == 0 {
		return 0
	}
	return math.Float32frombits(uint32(h&0x8000)<<16 | (uint32(h>>10&0x1f)+127-15)<<23 | uint32(h&0x3ff)<<13)
}

func each[A, B any](a []A, f func(A) B) []B {
	b := make([]B, len(a))
	for i := range a {
		b[i] = f(a[i])
	}
	return b
}

func TestSimpleCalls(t *testing.T) {
	z := normal(5*vocab, 1)
	got, err := entropy.F32(z, vocab, nil)
	if err != nil || len(got) != 5 {
		t.Fatal(got, err)
	}
	for i, h := range got {
		expect(t, "entropy", h, reference(z[i*vocab:(i+1)*vocab], 1, nil).entropy)
	}
	out := make([]float32, 5)
	if again, err := entropy.F32(z, vocab, out); err != nil || &again[0] != &out[0] || !slices.Equal(out, got) {
		t.Error(again, err)
	}

	half, bf := each(z, binary16), each(z, bfloat16)
	fromHalf, err := entropy.F16(half, vocab, nil)
	if want, _ := entropy.F32(each(half, fromBinary), vocab, nil); err != nil || !slices.Equal(fromHalf, want) {
		t.Error(fromHalf, want, err)
	}
	fromBf, err := entropy.BF16(bf, vocab, nil)
	if want, _ := entropy.F32(each(bf, fromBfloat), vocab, nil); err != nil || !slices.Equal(fromBf, want) {
		t.Error(fromBf, want, err)
	}
	if slices.Equal(fromHalf, got) || slices.Equal(fromBf, fromHalf) {
		t.Error("the types make no difference")
	}
}

func TestRowsWithoutDistribution(t *testing.T) {
	got, err := entropy.F32([]float32{-inf, -inf, nan, 0, inf, 0, 7, -inf}, 2, nil)
	if err != nil || !isNaN(got[0]) || !isNaN(got[1]) || !isNaN(got[2]) || math.Float32bits(got[3]) != 0 {
		t.Error(got, err)
	}
}

func TestNoRows(t *testing.T) {
	for _, vocab := range []int{4, 0} {
		if got, err := entropy.F32(nil, vocab, nil); err != nil || len(got) != 0 {
			t.Error(got, err)
		}
	}
	empty := []float32{}
	none, options := entropy.Array{Batch: 3, Seq: 0, Vocab: 7}, entropy.Options{Temperature: empty}
	if err := entropy.Forward(none, options, entropy.Results{Entropy: empty}); err != nil {
		t.Error(err)
	}
}

// Every result, under every option at once.
func TestForward(t *testing.T) {
	const batch, seq, padded, rows, words = 2, 3, vocab + 4, 6, (vocab + 31) / 32
	z := normal(batch*(seq+1)*padded, 2)
	options := entropy.Options{
		Target:        []int64{1, 8, 15, 22, -1, 36},
		RowMask:       []bool{true, true, false, true, true, true},
		Allowed:       make([]uint32, rows*(words+2)),
		AllowedStride: words + 2,
		NumThreads:    1,
	}
	for i := range options.Allowed {
		options.Allowed[i] = 0xBBBBBBBB<<(i%32) | 0xBBBBBBBB>>(32-i%32)
	}
	for i := range rows {
		options.Temperature = append(options.Temperature, 0.5+0.25*float32(i))
	}
	float := func() []float32 { return slices.Repeat([]float32{nan}, rows) }
	got := entropy.Results{
		Entropy: float(), Varentropy: float(), Logsumexp: float(),
		MaxLogit: float(), MaxLogprob: float(), TargetLogprob: float(),
		Argmax: slices.Repeat([]int64{-9}, rows), Support: slices.Repeat([]int64{-9}, rows),
	}
	logits := entropy.Array{F32: z, Batch: batch, Seq: seq, Vocab: vocab}
	logits.BatchStride, logits.SeqStride = (seq+1)*padded, padded
	if err := entropy.Forward(logits, options, got); err != nil {
		t.Fatal(err)
	}
	hidden := 0
	for i := range rows {
		begin := i/seq*(seq+1)*padded + i%seq*padded
		allowed := func(j int) bool { return options.Allowed[i*(words+2)+j/32]>>(j%32)&1 == 1 }
		want := reference(z[begin:begin+vocab], float64(options.Temperature[i]), allowed)
		logP := 0.0
		if target := options.Target[i]; target >= 0 {
			logP = want.logP[target]
		}
		maxLogprob := want.logP[want.argmax]
		if !options.RowMask[i] {
			want, logP, maxLogprob = row{}, 0, 0
		}
		expect(t, "Entropy", got.Entropy[i], want.entropy)
		expect(t, "Varentropy", got.Varentropy[i], want.varentropy)
		expect(t, "Logsumexp", got.Logsumexp[i], want.logsumexp)
		expect(t, "MaxLogit", got.MaxLogit[i], want.maxLogit)
		expect(t, "MaxLogprob", got.MaxLogprob[i], maxLogprob)
		if got.Argmax[i] != int64(want.argmax) || got.Support[i] != int64(want.support) {
			t.Error("Argmax, Support", got.Argmax[i], got.Support[i], want.argmax, want.support)
		}
		if math.IsInf(logP, -1) {
			hidden++
			if got.TargetLogprob[i] != -inf {
				t.Error("TargetLogprob", got.TargetLogprob[i])
			}
		} else {
			expect(t, "TargetLogprob", got.TargetLogprob[i], logP)
		}
	}
	if hidden == 0 || hidden > 2 {
		t.Errorf("%d targets are not allowed", hidden)
	}
}

func TestOneTemperatureAndMaskForAllRows(t *testing.T) {
	z, mask, got := normal(4*40, 3), []uint32{0x0F0F0F0F, 0xAA}, make([]float32, 4)
	logits := entropy.Array{F32: z, Batch: 4, Seq: 1, Vocab: 40}
	options := entropy.Options{Temperature: []float32{2.5}, Allowed: mask}
	if err := entropy.Forward(logits, options, entropy.Results{Entropy: got}); err != nil {
		t.Fatal(err)
	}
	for i, h := range got {
		allowed := func(j int) bool { return mask[j/32]>>(j%32)&1 == 1 }
		expect(t, "entropy", h, reference(z[i*40:(i+1)*40], 2.5, allowed).entropy)
	}
}

func TestStridesOfAnAxisOfOneAreNotLookedAt(t *testing.T) {
	z, got := normal(5*vocab, 4), make([]float32, 5)
	want, _ := entropy.F32(z, vocab, nil)
	for _, a := range []entropy.Array{
		{Batch: 5, Seq: 1, BatchStride: vocab, SeqStride: math.MinInt},
		{Batch: 1, Seq: 5, BatchStride: math.MaxInt, SeqStride: vocab},
		{Batch: 5, Seq: 1, SeqStride: vocab},
	} {
		a.F32, a.Vocab = z, vocab
		clear(got)
		err := entropy.Forward(a, entropy.Options{}, entropy.Results{Entropy: got})
		if err != nil || !slices.Equal(got, want) {
			t.Error(got, want, err)
		}
	}
}

func TestBackward(t *testing.T) {
	const rows, T = 4, 0.75
	z := normal(rows*vocab, 5)
	logits := entropy.Array{F32: z, Batch: 2, Seq: 2, Vocab: vocab}
	options := entropy.Options{Temperature: []float32{T}, Target: []int64{3, -1, vocab - 1, 0}}
	upstream := entropy.Upstream{
		Entropy:       []float32{0.5, -2, 0, 1},
		Logsumexp:     []float32{0, 1, -0.25, 3},
		TargetLogprob: []float32{-1, 5, 2, 0.5},
	}
	to := entropy.Array{F32: slices.Repeat([]float32{9}, rows*(vocab+1)), Batch: 2, Seq: 2, Vocab: vocab}
	to.BatchStride, to.SeqStride = vocab+1, 2*(vocab+1) // [Seq, Batch]
	if err := entropy.Backward(logits, options, upstream, to); err != nil {
		t.Fatal(err)
	}
	var dense []float32
	for i := range rows {
		begin := (2*(i%2) + i/2) * (vocab + 1)
		gradient := to.F32[begin : begin+vocab]
		if to.F32[begin+vocab] != 9 {
			t.Error("written between the rows")
		}
		dense = append(dense, gradient...)
		r := reference(z[i*vocab:(i+1)*vocab], T, nil)
		for j, g := range gradient {
			ofTarget := -r.p[j]
			if int64(j) == options.Target[i] {
				ofTarget++
			}
			if options.Target[i] < 0 {
				ofTarget = 0
			}
			want := (-float64(upstream.Entropy[i])*r.p[j]*(r.logP[j]+r.entropy) +
				float64(upstream.Logsumexp[i])*r.p[j] + float64(upstream.TargetLogprob[i])*ofTarget) / T
			if !close(g, want) || (math.Abs(want) > 1e-4 && !(math.Abs(float64(g)/want-1) < 1e-2)) {
				t.Fatalf("row %d, %d: %v, not %v", i, j, g, want)
			}
		}
	}

	float := func() []float32 { return make([]float32, rows) }
	results := entropy.Results{Entropy: float(), MaxLogit: float(), MaxLogprob: float()}
	if err := entropy.Forward(logits, options, results); err != nil {
		t.Fatal(err)
	}
	given := upstream
	given.Results = results
	inPlace := logits
	inPlace.F32 = slices.Clone(z)
	if err := entropy.Backward(inPlace, options, given, inPlace); err != nil || !slices.Equal(inPlace.F32, dense) {
		t.Error("in place, with results given", err)
	}
	given.Results.MaxLogprob = []float32{-1, -1, -1, -1}
	copy(inPlace.F32, z)
	if err := entropy.Backward(inPlace, options, given, inPlace); err != nil || slices.Equal(inPlace.F32, dense) {
		t.Error("the results given are not read", err)
	}

	bf := entropy.Array{BF16: each(z, bfloat16), Batch: 1, Seq: rows, Vocab: vocab}
	wide := entropy.Array{F32: each(bf.BF16, fromBfloat), Batch: 1, Seq: rows, Vocab: vocab}
	for _, a := range []entropy.Array{bf, wide} {
		if err := entropy.Backward(a, options, upstream, a); err != nil {
			t.Fatal(err)
		}
	}
	for i, g := range bf.BF16 {
		if !(math.Abs(float64(fromBfloat(g)-wide.F32[i])) <= math.Abs(float64(wide.F32[i]))/256) {
			t.Fatalf("%d: %v, not %v", i, fromBfloat(g), wide.F32[i])
		}
	}
}

func TestGoroutines(t *testing.T) {
	z := normal(8*vocab, 6)
	want, _ := entropy.F32(z, vocab, nil)
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			if got, err := entropy.F32(z, vocab, nil); err != nil || !slices.Equal(got, want) {
				t.Error(got, err)
			}
		}()
	}
	group.Wait()
}

func TestMachine(t *testing.T) {
	if strings.Count(entropy.Version(), ".") != 2 {
		t.Error(entropy.Version())
	}
	z := normal(vocab, 7)
	want, _ := entropy.F32(z, vocab, nil)
	if err := entropy.SetISA("scalar"); err != nil || entropy.ISA() != "scalar" {
		t.Error(err, entropy.ISA())
	}
	if got, _ := entropy.F32(z, vocab, nil); !slices.Equal(got, want) {
		t.Error(got, want)
	}
	for _, wrong := range []string{"mmx", "scalar\x00"} {
		if err := entropy.SetISA(wrong); !errors.Is(err, entropy.ErrISA) || entropy.ISA() != "scalar" {
			t.Error(err, entropy.ISA())
		}
	}
	if err := entropy.SetISA(""); err != nil {
		t.Error(err)
	}

	ofMachine := entropy.NumThreads()
	if ofMachine < 1 {
		t.Error(ofMachine)
	}
	for _, n := range []int{3, 5} {
		if err := entropy.SetNumThreads(n); err != nil || entropy.NumThreads() != n {
			t.Error(err, entropy.NumThreads())
		}
	}
	for _, wrong := range []int{-1, 1<<32 + 1} {
		if err := entropy.SetNumThreads(wrong); !errors.Is(err, entropy.ErrValue) || entropy.NumThreads() != 5 {
			t.Error(err, entropy.NumThreads())
		}
	}
	if err := entropy.SetNumThreads(0); err != nil || entropy.NumThreads() != ofMachine {
		t.Error(err, entropy.NumThreads())
	}
}

func TestNothingIsAllocated(t *testing.T) {
	const rows = 2
	z := normal(rows*vocab, 8)
	float := func() []float32 { return make([]float32, rows) }
	out, bits := float(), each(z, bfloat16)
	logits := entropy.Array{F32: z, Batch: 1, Seq: rows, Vocab: vocab}
	to := entropy.Array{F32: make([]float32, rows*vocab), Batch: 1, Seq: rows, Vocab: vocab}
	options := entropy.Options{
		Temperature: []float32{0.5}, Target: []int64{1, 2}, RowMask: []bool{true, true},
		Allowed: slices.Repeat([]uint32{7}, (vocab+31)/32),
	}
	results := entropy.Results{
		Entropy: float(), Varentropy: float(), Logsumexp: float(),
		MaxLogit: float(), MaxLogprob: float(), TargetLogprob: float(),
		Argmax: make([]int64, rows), Support: make([]int64, rows),
	}
	upstream := entropy.Upstream{Entropy: out, Logsumexp: out, TargetLogprob: out, Results: results}
	states := make([]entropy.State, rows)
	var failed error
	for name, call := range map[string]func() error{
		"F32":             func() error { _, err := entropy.F32(z, vocab, out); return err },
		"F16":             func() error { _, err := entropy.F16(bits, vocab, out); return err },
		"BF16":            func() error { _, err := entropy.BF16(bits, vocab, out); return err },
		"Forward":         func() error { return entropy.Forward(logits, options, results) },
		"Backward":        func() error { return entropy.Backward(logits, options, upstream, to) },
		"ForwardStates":   func() error { return entropy.ForwardStates(logits, options, states) },
		"ResultsOfStates": func() error { return entropy.ResultsOfStates(states, options.RowMask, results) },
		"MergeStates":     func() error { return entropy.MergeStates(states, states) },
		"State": func() error {
			s, err := entropy.NewState(1)
			failed = errors.Join(err, s.AddF32(z), s.AddF16(bits), s.AddBF16(bits))
			s.Merge(&s)
			sum := s.Entropy() + s.Varentropy() + s.Logsumexp() + s.MaxLogit() + s.MaxLogprob()
			if s.Argmax() < 0 || s.Support() != 6*rows*vocab || isNaN(sum) {
				return entropy.ErrValue
			}
			return failed
		},
	} {
		if n := testing.AllocsPerRun(10, func() {
			if err := call(); err != nil {
				failed = err
			}
		}); n != 0 || failed != nil {
			t.Errorf("%s: %v allocations, %v", name, n, failed)
		}
	}
}
