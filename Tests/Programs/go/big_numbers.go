package main

import (
	"fmt"
	"math/big"
)

func main() {
	f := big.NewInt(1)
	for i := int64(2); i <= 60; i++ {
		f.Mul(f, big.NewInt(i))
	}
	fmt.Println(f)
	fmt.Println(new(big.Int).Exp(big.NewInt(7), big.NewInt(77), nil))
	small := uint8(250)
	small += 10
	r := big.NewRat(1, 3)
	fmt.Println(r.Add(r, big.NewRat(1, 6)), small)
}
