package main

import (
	"bufio"
	"fmt"
	"os"
	"unicode/utf8"
)

func main() {
	if err := os.WriteFile("lines.txt", []byte("één\n二\n🏜\n"), 0o600); err != nil {
		panic(err)
	}
	file, _ := os.Open("lines.txt")
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		text := scanner.Text()
		fmt.Println(text, len(text), utf8.RuneCountInString(text))
	}
	for i, r := range "añ語" {
		fmt.Print(i, ":", string(r), " ")
	}
	fmt.Println()
}
