module libentropy/entropy

go 1.24
