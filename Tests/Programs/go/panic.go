package main

import "fmt"

func main() {
	defer fmt.Println("deferred")
	var sand map[string]int
	sand["grain"] = 1
}
