package entropy

// #include <entropy.h>
import "C"

import (
	"fmt"
	"math"
	"unsafe"
)

// A call is what the library is given, and the first error on the way there.
type call struct {
	args C.entropy_args
	rows int
	err  error
}

func newCall(logits *Array, options *Options) call {
	var c call
	c.args.size = C.sizeof_entropy_args
	c.bindArray(logits)
	c.bindOptions(options)
	return c
}

func (c *call) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// bind points field to the elements of a slice that has one for every row, unless it is nil.
func bind[E, F any](c *call, name string, slice []E, field **F) {
	if slice != nil {
		c.fail(checkLength(name, len(slice), c.rows))
		*field = (*F)(unsafe.Pointer(unsafe.SliceData(slice)))
	}
}

func (c *call) bindResults(r *Results) {
	bind(c, "Entropy", r.Entropy, &c.args.entropy)
	bind(c, "Varentropy", r.Varentropy, &c.args.varentropy)
	bind(c, "Logsumexp", r.Logsumexp, &c.args.logsumexp)
	bind(c, "MaxLogit", r.MaxLogit, &c.args.max_logit)
	bind(c, "MaxLogprob", r.MaxLogprob, &c.args.max_logprob)
	bind(c, "TargetLogprob", r.TargetLogprob, &c.args.target_logprob)
	bind(c, "Argmax", r.Argmax, &c.args.argmax)
	bind(c, "Support", r.Support, &c.args.support)
}

func (c *call) bindOptions(o *Options) {
	if len(o.Temperature) == 1 {
		c.args.temperature = (*C.float)(unsafe.SliceData(o.Temperature))
	} else {
		bind(c, "Temperature", o.Temperature, &c.args.temperature)
		c.args.temperature_stride = 1
	}
	bind(c, "Target", o.Target, &c.args.target)
	bind(c, "RowMask", o.RowMask, &c.args.row_mask)
	if o.Allowed != nil {
		c.fail(checkMasks(len(o.Allowed), o.AllowedStride, c.rows, int(c.args.vocab)))
		c.args.allowed = (*C.uint32_t)(unsafe.SliceData(o.Allowed))
		c.args.allowed_stride = C.size_t(o.AllowedStride)
	}
	if o.NumThreads < 0 || o.NumThreads > math.MaxInt32 {
		c.fail(fmt.Errorf("NumThreads is %d: %w", o.NumThreads, ErrValue))
	}
	c.args.num_threads = C.int(o.NumThreads)
}

// checkMasks checks that n words are the masks of rows. The last one may be followed by what is between masks.
func checkMasks(n, stride, rows, vocab int) error {
	words := vocab/32 + min(vocab%32, 1)
	if rows == 0 {
		return nil
	}
	if end := reach(rows-1, stride, words); n < end || n > end-words+max(words, stride) {
		return fmt.Errorf("Allowed has %d words, not those of %d masks, one every %d: %w", n, rows, stride, ErrShape)
	}
	return nil
}

func (c *call) bindArray(a *Array) {
	n := 0
	switch {
	case a.F16 == nil && a.BF16 == nil:
		n, c.args.dtype, c.args.logits = len(a.F32), C.ENTROPY_F32, unsafe.Pointer(unsafe.SliceData(a.F32))
	case a.F32 == nil && a.BF16 == nil:
		n, c.args.dtype, c.args.logits = len(a.F16), C.ENTROPY_F16, unsafe.Pointer(unsafe.SliceData(a.F16))
	case a.F32 == nil && a.F16 == nil:
		n, c.args.dtype, c.args.logits = len(a.BF16), C.ENTROPY_BF16, unsafe.Pointer(unsafe.SliceData(a.BF16))
	default:
		c.fail(fmt.Errorf("elements of more than one type: %w", ErrValue))
	}
	if a.Batch < 0 || a.Seq < 0 || a.Vocab < 0 {
		c.fail(fmt.Errorf("the shape is [%d, %d, %d]: %w", a.Batch, a.Seq, a.Vocab, ErrShape))
		return
	}
	c.args.batch, c.args.seq, c.args.vocab = C.size_t(a.Batch), C.size_t(a.Seq), C.size_t(a.Vocab)
	if c.rows = reach(a.Batch, a.Seq, 0); c.rows == 0 {
		return
	}
	seqStride, batchStride := a.SeqStride, a.BatchStride
	if seqStride == 0 {
		seqStride = a.Vocab
	}
	if batchStride == 0 {
		batchStride = reach(a.Seq, seqStride, 0)
	}
	c.args.batch_stride, c.args.seq_stride = C.ptrdiff_t(batchStride), C.ptrdiff_t(seqStride)
	end := reach(a.Batch-1, batchStride, reach(a.Seq-1, seqStride, a.Vocab))
	dense := a.BatchStride == 0 && a.SeqStride == 0
	if a.Vocab == 0 || n < end || (dense && n > end) {
		c.fail(fmt.Errorf("%d elements are not an array [%d, %d, %d] with strides %d and %d: %w",
			n, a.Batch, a.Seq, a.Vocab, batchStride, seqStride, ErrShape))
	}
}

// reach is how many elements there are up to the end of what follows so many steps of a stride; [math.MaxInt], which
// no slice holds, if these are too many or go backwards.
func reach(steps, stride, rest int) int {
	if steps == 0 {
		return rest
	}
	if stride < 0 || stride > (math.MaxInt-rest)/steps {
		return math.MaxInt
	}
	return steps*stride + rest
}
