package entropy_test

import (
	"bytes"
	"encoding"
	"errors"
	"math"
	"slices"
	"testing"

	"libentropy/entropy"
)

const length = 5000

func newState(t *testing.T, temperature float64) entropy.State {
	t.Helper()
	s, err := entropy.NewState(temperature)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func expectWhole(t *testing.T, s *entropy.State, z []float32, temperature float64) {
	t.Helper()
	want := reference(z, temperature, nil)
	expect(t, "Entropy", s.Entropy(), want.entropy)
	expect(t, "Varentropy", s.Varentropy(), want.varentropy)
	expect(t, "Logsumexp", s.Logsumexp(), want.logsumexp)
	expect(t, "MaxLogit", s.MaxLogit(), want.maxLogit)
	expect(t, "MaxLogprob", s.MaxLogprob(), want.logP[want.argmax])
	if s.Argmax() != want.argmax || s.Support() != len(z) || s.Len() != len(z) || s.Temperature() != temperature {
		t.Error(s.Argmax(), want.argmax, s.Support(), s.Len(), s.Temperature())
	}
}

func TestPieces(t *testing.T) {
	z := normal(length, 1)
	s := newState(t, 1)
	for piece := range slices.Chunk(z, 1024) {
		if err := s.AddF32(piece); err != nil {
			t.Fatal(err)
		}
	}
	expectWhole(t, &s, z, 1)
	if whole, _ := entropy.F32(z, length, nil); s.Entropy() != whole[0] {
		t.Error("not the bits of the whole row")
	}

	half, bf := newState(t, 1), newState(t, 1)
	if err := errors.Join(half.AddF16(each(z, binary16)), bf.AddBF16(each(z, bfloat16))); err != nil {
		t.Fatal(err)
	}
	expectWhole(t, &half, each(each(z, binary16), fromBinary), 1)
	expectWhole(t, &bf, each(each(z, bfloat16), fromBfloat), 1)
}

func TestMerge(t *testing.T) {
	z := normal(length, 2)
	whole := newState(t, 0.5)
	for piece := range slices.Chunk(z, 777) {
		shard := newState(t, 0.5)
		if err := shard.AddF32(piece); err != nil {
			t.Fatal(err)
		}
		whole.Merge(&shard)
	}
	expectWhole(t, &whole, z, 0.5)

	hot := newState(t, 2)
	if err := hot.AddF32(z); err != nil {
		t.Fatal(err)
	}
	whole.Merge(&hot)
	if !isNaN(whole.Entropy()) {
		t.Error("states of different temperatures have an entropy")
	}
}

func TestStatesOfRows(t *testing.T) {
	const rows, half = 3, length / 2
	z := normal(rows*length, 3)
	var shards [2][]entropy.State
	for i, target := range [][]int64{{5, -1, -1}, {-1, 0, -1}} { // each shard knows only its own
		shards[i] = make([]entropy.State, rows)
		logits := entropy.Array{F32: z[i*half:], Batch: 1, Seq: rows, Vocab: half, SeqStride: length}
		if err := entropy.ForwardStates(logits, entropy.Options{Target: target}, shards[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := entropy.MergeStates(shards[0], shards[1]); err != nil {
		t.Fatal(err)
	}
	got := entropy.Results{Entropy: make([]float32, rows), TargetLogprob: make([]float32, rows)}
	got.Argmax = make([]int64, rows)
	if err := entropy.ResultsOfStates(shards[0], []bool{true, true, false}, got); err != nil {
		t.Fatal(err)
	}
	for i, target := range []int{5, half} {
		want := reference(z[i*length:(i+1)*length], 1, nil)
		expect(t, "Entropy", got.Entropy[i], want.entropy)
		expect(t, "TargetLogprob", got.TargetLogprob[i], want.logP[target])
		if got.Argmax[i] != int64(want.argmax) {
			t.Error(got.Argmax[i], want.argmax)
		}
	}
	if got.Entropy[2] != 0 || got.TargetLogprob[2] != 0 || got.Argmax[2] != 0 {
		t.Error(got)
	}
	expectWhole(t, &shards[0][2], z[2*length:], 1)
}

func TestWhatIsNoState(t *testing.T) {
	for _, temperature := range []float64{0, -1, math.NaN(), math.Inf(1), 1e-30} {
		if _, err := entropy.NewState(temperature); !errors.Is(err, entropy.ErrValue) {
			t.Error(temperature, err)
		}
	}
	var zero entropy.State
	if err := zero.AddF32([]float32{1}); !errors.Is(err, entropy.ErrValue) {
		t.Error(err)
	}
	if !isNaN(zero.Entropy()) || zero.Argmax() != -1 || zero.Support() != 0 {
		t.Error(zero)
	}
	empty := newState(t, 1)
	if !isNaN(empty.Entropy()) || empty.Argmax() != -1 || empty.Len() != 0 {
		t.Error(empty)
	}
}

func TestBinary(t *testing.T) {
	s := newState(t, 4)
	if err := s.AddF32(normal(100, 4)); err != nil {
		t.Fatal(err)
	}
	var marshaler interface {
		encoding.BinaryMarshaler
		encoding.BinaryAppender
		encoding.BinaryUnmarshaler
	} = &s
	data, err := marshaler.MarshalBinary()
	head := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x40} // the version, and 4
	if err != nil || len(data) != 128 || !bytes.Equal(data[:16], head) {
		t.Fatal(data, err)
	}
	if appended, err := marshaler.AppendBinary([]byte{7}); err != nil || !bytes.Equal(appended[1:], data) {
		t.Error(appended, err)
	}
	again := newState(t, 1)
	if err := again.UnmarshalBinary(data); err != nil || again != s {
		t.Error(again, err)
	}
	otherVersion, otherTemperature := slices.Clone(data), slices.Clone(data)
	otherVersion[0], otherTemperature[15] = 2, 0xC0
	for _, wrong := range [][]byte{nil, data[:127], append(slices.Clone(data), 0), otherVersion, otherTemperature} {
		if err := again.UnmarshalBinary(wrong); !errors.Is(err, entropy.ErrValue) || again != s {
			t.Error(wrong, err)
		}
	}
}
