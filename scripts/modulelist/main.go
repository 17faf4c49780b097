// Command modulelist writes modules.go, the list of the modules in the folders below the current one. It is what
// go generate runs in a folder of modules:
//
//	//go:generate go run github.com/countermand/countermand/scripts/modulelist
//
// A folder that declares the variable Module, with its Name as a literal, is a module. It is listed; nothing else is.
package main

import (
	"fmt"
	"os"

	"github.com/countermand/countermand/scripts/internal/modulelist"
)

func main() {
	if err := modulelist.Write("."); err != nil {
		fmt.Fprintln(os.Stderr, "modulelist:", err)
		os.Exit(1)
	}
}
