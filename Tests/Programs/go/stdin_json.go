package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
)

type City struct {
	Name   string   `json:"name"`
	People int      `json:"people"`
	Tags   []string `json:"tags,omitempty"`
}

func main() {
	var cities []City
	if err := json.NewDecoder(os.Stdin).Decode(&cities); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	sort.Slice(cities, func(i, j int) bool { return cities[i].People > cities[j].People })
	out, _ := json.Marshal(cities)
	fmt.Println(string(out))
}
