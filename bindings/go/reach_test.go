package entropy

import (
	"math"
	"testing"
)

func TestReach(t *testing.T) {
	for _, c := range [][4]int{
		{0, -5, 7, 7}, {2, 5, 7, 17}, {2, 0, 7, 7}, {3, 5, 0, 15},
		{1, -1, 7, math.MaxInt}, {2, math.MaxInt, 0, math.MaxInt}, {4, math.MaxInt/2 + 1, 0, math.MaxInt},
		{1, 1, math.MaxInt, math.MaxInt}, {1, math.MaxInt - 6, 7, math.MaxInt}, {2, (math.MaxInt - 7) / 2, 7, math.MaxInt},
	} {
		if got := reach(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("reach(%d, %d, %d) is %d, not %d", c[0], c[1], c[2], got, c[3])
		}
	}
}
