// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var programRows = []row{
	{"sieve_4000", sieve},
	{"skynet_join", func() int { skynetByJoin(0, million); return 1 }},
	{"skynet", func() int {
		result := make(chan int)
		go skynet(result, 0, million)
		<-result
		return 1
	}},
	{"timer_start_stop", func() int {
		for i := 0; i < million; i++ {
			time.NewTimer(time.Hour).Stop()
		}
		return million
	}},
}

func generate(out chan<- int) {
	for number := 2; ; number++ {
		out <- number
	}
}

func filter(in <-chan int, out chan<- int, prime int) {
	for {
		if number := <-in; number%prime != 0 {
			out <- number
		}
	}
}

func sieve() int {
	numbers := make(chan int)
	go generate(numbers)
	for i := 0; i < 4000; i++ {
		prime := <-numbers
		next := make(chan int)
		go filter(numbers, next, prime)
		numbers = next
	}
	return 1
}

func skynet(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	results := make(chan int)
	for i := 0; i < 10; i++ {
		go skynet(results, first+i*(leaves/10), leaves/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-results
	}
	parent <- sum
}

func skynetByJoin(first, leaves int) int {
	if leaves == 1 {
		return first
	}
	var children sync.WaitGroup
	var sums [10]int
	children.Add(10)
	for i := range sums {
		go func(i int) {
			sums[i] = skynetByJoin(first+i*(leaves/10), leaves/10)
			children.Done()
		}(i)
	}
	children.Wait()
	sum := 0
	for _, one := range sums {
		sum += one
	}
	return sum
}

// The rows that are not elapsed time by operations.
var crowdReports = []report{
	{"sleep_100k", func() []figure {
		sleepAll() // as in bench/: the stacks were used before
		before := cpuTime()
		sleepAll()
		return []figure{{"", float64((cpuTime() - before).Nanoseconds())}}
	}},
	{"cancel_100k", func() []figure {
		return []figure{{"", float64(cancel(100_000).Nanoseconds())}}
	}},
	{"cancel_100k_tree", func() []figure {
		return []figure{{"", float64(cancelTree(1000, 100).Nanoseconds())}}
	}},
	{"parked_1M", func() []figure {
		before := residentBytes()
		start := time.Now()
		park(make(chan int), million)
		return []figure{
			{"", float64(time.Since(start).Nanoseconds()) / million},
			{"_resident_bytes", float64(residentBytes()-before) / million},
		}
	}},
}

func sleepAll() {
	inParallel(100_000, func() { time.Sleep(100 * time.Millisecond) })
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func residentBytes() int {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}

// Starts count goroutines that wait at gate, and returns when each is about to.
func park(gate chan int, count int) {
	var started sync.WaitGroup
	started.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-gate
		}()
	}
	started.Wait()
}

func cancel(count int) time.Duration {
	scope, stop := context.WithCancel(context.Background())
	var started, ended sync.WaitGroup
	started.Add(count)
	ended.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-scope.Done()
			ended.Done()
		}()
	}
	started.Wait()
	start := time.Now()
	stop()
	ended.Wait()
	return time.Since(start)
}

// A child context and a WaitGroup for each branch.
func cancelTree(branches, leaves int) time.Duration {
	root, stop := context.WithCancel(context.Background())
	var started, tree sync.WaitGroup
	started.Add(branches * leaves)
	tree.Add(branches)
	for i := 0; i < branches; i++ {
		go func() {
			scope, end := context.WithCancel(root)
			defer end()
			var branch sync.WaitGroup
			branch.Add(leaves)
			for n := 0; n < leaves; n++ {
				go func() {
					started.Done()
					<-scope.Done()
					branch.Done()
				}()
			}
			branch.Wait()
			tree.Done()
		}()
	}
	started.Wait()
	start := time.Now()
	stop()
	tree.Wait()
	return time.Since(start)
}
