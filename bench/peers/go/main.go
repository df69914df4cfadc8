// SPDX-License-Identifier: MIT

// The rows of bench/ in Go. Prints `row nanoseconds`, one line each, for the rows whose names
// begin with one of the arguments, or for all. GOMAXPROCS in the environment plays the part of W.
package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// A row does its operations and returns how many they were.
type row struct {
	name string
	run  func() int
}

func wanted(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return len(prefixes) == 0
}

// Nanoseconds per operation.
func measure(run func() int) float64 {
	start := time.Now()
	operations := run()
	return float64(time.Since(start).Nanoseconds()) / float64(operations)
}

func main() {
	var rows []row
	rows = append(rows, spawnRows...)
	rows = append(rows, channelRows...)
	rows = append(rows, selectRows...)
	rows = append(rows, programRows...)
	for _, one := range rows {
		if !wanted(one.name, os.Args[1:]) {
			continue
		}
		best := measure(one.run)
		if !strings.HasSuffix(one.name, "_cold") { // its first run pays for the stacks
			best = math.Min(best, measure(one.run))
		}
		fmt.Printf("%s %.1f\n", one.name, best)
	}
	timeRows(os.Args[1:])
}
