package main

import (
	"fmt"
	"sort"
	"strings"
)

type Number interface{ ~int | ~float64 }

func Sum[T Number](items ...T) (total T) {
	for _, item := range items {
		total += item
	}
	return
}

func Map[T, U any](items []T, f func(T) U) []U {
	out := make([]U, 0, len(items))
	for _, item := range items {
		out = append(out, f(item))
	}
	return out
}

type Celsius float64

func main() {
	fmt.Println(Sum(1, 2, 3), Sum(Celsius(1.5), 2))
	words := Map([]string{"dune", "arch", "crag"}, strings.ToUpper)
	sort.Strings(words)
	fmt.Printf("%q %v\n", words, Map(words, func(s string) int { return int(s[0]) }))
}
