package entropy_test

import (
	"errors"
	"fmt"

	"libentropy/entropy"
)

func Example() {
	logits := []float32{2, 1, 0.5, 0.3, 20, 0, 0, 0} // two rows, a vocabulary of 4
	h, err := entropy.F32(logits, 4, nil)
	fmt.Printf("%.4f and %.4e nats, %v\n", h[0], h[1], err)
	// Output: 1.1443 and 1.2985e-07 nats, <nil>
}

// A buffer that is given is filled: nothing is allocated.
func ExampleF32() {
	out := make([]float32, 1)
	_, err := entropy.F32([]float32{0, 0, 0, 0}, 4, out)
	fmt.Println(out, err)
	_, err = entropy.F32([]float32{0, 0, 0, 0}, 2, out)
	fmt.Println(errors.Is(err, entropy.ErrShape))
	// Output:
	// [1.3862944] <nil>
	// true
}

// How certain is the next token, at T = 0.7 and among those that a grammar allows?
func ExampleForward() {
	logits := entropy.Array{F32: []float32{5, 2, 1.5, 1, 0.5, 0, -1, 4}, Batch: 1, Seq: 1, Vocab: 8}
	options := entropy.Options{Temperature: []float32{0.7}, Allowed: []uint32{0b00011110}} // tokens 1 to 4
	results := entropy.Results{Entropy: make([]float32, 1), Varentropy: make([]float32, 1), Argmax: make([]int64, 1)}
	if err := entropy.Forward(logits, options, results); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("H %.4f, V %.4f, token %d\n", results.Entropy[0], results.Varentropy[0], results.Argmax[0])
	// Output: H 1.1242, V 0.4308, token 1
}

// The gradient of the cross-entropy replaces the logits.
func ExampleBackward() {
	logits := entropy.Array{F32: []float32{0, 0, 0, 0}, Batch: 1, Seq: 1, Vocab: 4}
	options, upstream := entropy.Options{Target: []int64{2}}, entropy.Upstream{TargetLogprob: []float32{-1}}
	err := entropy.Backward(logits, options, upstream, logits)
	fmt.Println(logits.F32, err)
	// Output: [0.25 0.25 -0.75 0.25] <nil>
}

// A row of which one half is on another machine.
func ExampleState() {
	left, _ := entropy.NewState(1)
	right, _ := entropy.NewState(1)
	fmt.Println(left.AddF32([]float32{0, 1, 2}), right.AddF32([]float32{3, 1, 0}))

	sent, _ := right.MarshalBinary()
	var received entropy.State
	fmt.Println(len(sent), received.UnmarshalBinary(sent))

	left.Merge(&received)
	fmt.Printf("H %.4f, token %d of %d\n", left.Entropy(), left.Argmax(), left.Support())
	// Output:
	// <nil> <nil>
	// 128 <nil>
	// H 1.2478, token 3 of 6
}
