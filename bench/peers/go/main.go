// SPDX-License-Identifier: MIT

// The rows of bench/ in Go. Prints `row nanoseconds`, one line each, for the rows named by the
// arguments, or for all; with --list their names. GOMAXPROCS in the environment plays the part of W.
package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// A row does its operations and returns how many they were.
type row struct {
	name string
	run  func() int
}

// A report measures by itself, and returns what is printed behind its name.
type report struct {
	name string
	run  func() []figure
}

type figure struct {
	suffix string
	value  float64
}

// Nanoseconds per operation.
func measure(run func() int) float64 {
	start := time.Now()
	operations := run()
	return float64(time.Since(start).Nanoseconds()) / float64(operations)
}

// The better of two runs, as the first one pays for stacks; unless just that is the question, or
// it takes long.
func (one row) report() report {
	return report{one.name, func() []figure {
		start := time.Now()
		best := measure(one.run)
		if !strings.HasSuffix(one.name, "_cold") && time.Since(start) < 300*time.Millisecond {
			best = math.Min(best, measure(one.run))
		}
		return []figure{{"", best}}
	}}
}

func allReports() (all []report) {
	for _, some := range [][]row{spawnRows, channelRows, selectRows, programRows, matrixRows()} {
		for _, one := range some {
			all = append(all, one.report())
		}
	}
	all = append(all, crowdReports...)
	return append(all, latencyReports...)
}

func main() {
	wanted := os.Args[1:]
	for _, one := range allReports() {
		switch {
		case slices.Contains(wanted, "--list"):
			fmt.Println(one.name)
		case len(wanted) == 0 || slices.Contains(wanted, one.name):
			for _, each := range one.run() {
				fmt.Printf("%s%s %.1f\n", one.name, each.suffix, each.value)
			}
		}
	}
}
