package main

import (
	"errors"
	"fmt"
	"os"
)

var errDry = errors.New("no water")

func walk(days int) error {
	if days > 2 {
		return fmt.Errorf("day %d: %w", days, errDry)
	}
	return walk(days + 1)
}

func main() {
	if err := walk(0); errors.Is(err, errDry) {
		fmt.Println(err)
		os.Exit(33)
	}
}
