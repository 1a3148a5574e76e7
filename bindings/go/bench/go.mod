module libentropy/entropy/bench

go 1.24.0

require (
	gonum.org/v1/gonum v0.17.0
	libentropy/entropy v0.0.0
)

replace libentropy/entropy => ../
