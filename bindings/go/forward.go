package entropy

/*
#cgo noescape forward
#cgo nocallback forward
#cgo noescape backward
#cgo nocallback backward
#cgo noescape forward_states
#cgo nocallback forward_states
#cgo noescape results_of_states
#cgo nocallback results_of_states
#include <entropy.h>

// By value: memory of Go may point to memory of Go only where the pointers are arguments.
static int forward(entropy_args args) { return entropy_forward(&args); }
static int backward(entropy_args args, entropy_grads grads) { return entropy_backward(&args, &grads); }
static int forward_states(entropy_args args, entropy_state *states) { return entropy_forward_states(&args, states); }
static int results_of_states(const entropy_state *states, size_t n, entropy_args results)
{
	return entropy_results_of_states(states, n, &results);
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// An Array is logits, or a gradient with respect to them, in memory: [Batch, Seq, Vocab], whose rows of Vocab
// elements are contiguous.
type Array struct {
	F32  []float32 // one of these three is given
	F16  []uint16  // the bits of IEEE binary16 numbers
	BF16 []uint16  // the bits of bfloat16 numbers

	Batch, Seq, Vocab int

	// From one row to the next along either axis, in elements. A stride of 0 is the dense one: Vocab for SeqStride,
	// Seq times SeqStride for BatchStride. That of an axis of length 1 is not looked at. If both are 0 the slice
	// holds the array and nothing else; otherwise it may be longer.
	BatchStride, SeqStride int
}

// Options say how logits are read. The zero value is no options.
type Options struct {
	Temperature []float32 // one, or one for every row, in [2^-64, 2^64]; nil: 1
	Target      []int64   // the token of every row whose log-probability is wanted; negative: this row has none
	RowMask     []bool    // false: the row is not looked at, and its results are 0

	// Token i takes part where bit i%32 of word i/32 is set. From one row's mask to the next AllowedStride words; 0:
	// one mask for all rows.
	Allowed       []uint32
	AllowedStride int

	NumThreads int // how many threads the call may use at most; 0: NumThreads()
}

// Results are where results go, each with an element for every row. What is nil is not wanted.
type Results struct {
	Entropy       []float32 // -sum p log p, in nats; NaN where nothing takes part, or a NaN or +Inf does
	Varentropy    []float32 // sum p (log p + entropy)^2, in nats^2
	Logsumexp     []float32 // log sum exp(z / T)
	MaxLogit      []float32 // the largest logit that takes part, as given
	MaxLogprob    []float32 // its log-probability
	TargetLogprob []float32 // the log-probability of the target; 0 where it is negative
	Argmax        []int64   // the lowest index of the largest logit; -1 where nothing takes part
	Support       []int64   // how many tokens take part
}

// Upstream is the gradients of a loss with respect to results, each with an element for every row. What is nil is 0.
type Upstream struct {
	Entropy, Logsumexp, TargetLogprob []float32

	// Results save a sweep over the logits, if their Entropy, MaxLogit and MaxLogprob are given: what Forward wrote,
	// or, for a shard of a vocabulary, those of the whole row. They are only read, and the gradient's bits are the
	// same.
	Results Results
}

// Forward writes the results that are wanted, of every row, in one sweep over the logits. Results must not overlap
// what is read, or each other.
func Forward(logits Array, options Options, results Results) error {
	c := newCall(&logits, &options)
	c.bindResults(&results)
	if c.err != nil {
		return c.err
	}
	return check(C.forward(c.args))
}

// Backward writes dL / d(logits) to gradient, for a loss L whose gradients with respect to the results of [Forward]
// with the same options are upstream. The gradient has the type and the shape of the logits, and strides of its own;
// it may be the logits themselves with the same strides, and must not overlap anything else that is read.
func Backward(logits Array, options Options, upstream Upstream, gradient Array) error {
	c := newCall(&logits, &options)
	given := &upstream.Results
	c.bindResults(&Results{Entropy: given.Entropy, MaxLogit: given.MaxLogit, MaxLogprob: given.MaxLogprob})
	grads := C.entropy_grads{size: C.sizeof_entropy_grads}
	bind(&c, "Upstream.Entropy", upstream.Entropy, &grads.entropy)
	bind(&c, "Upstream.Logsumexp", upstream.Logsumexp, &grads.logsumexp)
	bind(&c, "Upstream.TargetLogprob", upstream.TargetLogprob, &grads.target_logprob)
	if c.err != nil {
		return c.err
	}
	to := newCall(&gradient, &Options{})
	if to.err != nil {
		return fmt.Errorf("gradient: %w", to.err)
	}
	sameShape := gradient.Batch == logits.Batch && gradient.Seq == logits.Seq && gradient.Vocab == logits.Vocab
	if to.args.dtype != c.args.dtype || !sameShape {
		return fmt.Errorf("the gradient is not of the type and shape of the logits: %w", ErrShape)
	}
	grads.logits = unsafe.Pointer(to.args.logits)
	grads.batch_stride, grads.seq_stride = to.args.batch_stride, to.args.seq_stride
	return check(C.backward(c.args, grads))
}

// ForwardStates writes the state of every row, to be merged with those of other shards of the vocabulary. A target is
// remembered. The state of a row that is skipped is empty.
func ForwardStates(logits Array, options Options, states []State) error {
	c := newCall(&logits, &options)
	if c.err == nil {
		c.err = checkLength("states", len(states), c.rows)
	}
	if c.err != nil {
		return c.err
	}
	return check(C.forward_states(c.args, pointer(states)))
}

// ResultsOfStates writes the results that are wanted of every state. Those of a row that rowMask skips are 0; nil
// skips none. TargetLogprob is that of the target which a state remembers.
func ResultsOfStates(states []State, rowMask []bool, results Results) error {
	n := len(states)
	c := call{rows: n, args: C.entropy_args{size: C.sizeof_entropy_args, batch: 1, seq: C.size_t(n)}}
	bind(&c, "rowMask", rowMask, &c.args.row_mask)
	c.bindResults(&results)
	if c.err != nil {
		return c.err
	}
	return check(C.results_of_states(pointer(states), C.size_t(n), c.args))
}
