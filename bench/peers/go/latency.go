// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The rows of bench/latency.cpp.
var latencyReports = []report{
	{"ping_among_yielding", func() []figure { return pingAmong(200_000, func() {}) }},
	{"ping_among_computing", func() []figure {
		return pingAmong(10_000, func() {
			for start := time.Now(); time.Since(start) < 20*time.Microsecond; {
			}
		})
	}},
	{"timer_lateness", timerLateness},
	{"fair_producers_0", func() []figure { return fairProducers(0) }},
	{"fair_producers_10", func() []figure { return fairProducers(10) }},
}

func quantiles(times []time.Duration) []figure {
	slices.Sort(times)
	at := func(rank float64) float64 {
		return float64(times[min(int(rank*float64(len(times))), len(times)-1)])
	}
	sum := time.Duration(0)
	for _, one := range times {
		sum += one
	}
	return []figure{
		{"", float64(sum) / float64(len(times))},
		{"_p50_ns", at(0.5)},
		{"_p99_ns", at(0.99)},
		{"_p999_ns", at(0.999)},
		{"_max_ns", at(1)},
	}
}

// A pair on rendezvous channels among eight goroutines for each processor that are never done.
func pingAmong(roundTrips int, turn func()) []figure {
	var enough atomic.Bool
	var busy sync.WaitGroup
	others := 8 * runtime.GOMAXPROCS(0)
	busy.Add(others)
	for i := 0; i < others; i++ {
		go func() {
			for !enough.Load() {
				turn()
				runtime.Gosched()
			}
			busy.Done()
		}()
	}
	times := ping(roundTrips)
	enough.Store(true)
	busy.Wait()
	return quantiles(times)
}

func ping(roundTrips int) (times []time.Duration) {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	times = make([]time.Duration, roundTrips)
	for i := range times {
		start := time.Now()
		there <- 1
		<-back
		times[i] = time.Since(start)
	}
	close(there)
	return
}

func timerLateness() []figure {
	const sleepers, rounds = 1000, 20
	late := make([]time.Duration, sleepers*rounds)
	var all sync.WaitGroup
	all.Add(sleepers)
	for i := 0; i < sleepers; i++ {
		go func(i int) {
			for round := 0; round < rounds; round++ {
				wanted := time.Duration((i*7+round*3)%rounds+1) * time.Millisecond
				due := time.Now().Add(wanted)
				time.Sleep(wanted)
				late[i*rounds+round] = time.Since(due)
			}
			all.Done()
		}(i)
	}
	all.Wait()
	return quantiles(late)
}

func fairProducers(capacity int) []figure {
	const count = 400_000
	items := make(chan int, capacity)
	for i := 0; i < 4; i++ {
		go func(i int) { // left behind at the end: a send on a closed channel would panic
			for {
				items <- i
			}
		}(i)
	}
	shares := make([]int, 4)
	start := time.Now()
	for i := 0; i < count; i++ {
		shares[<-items]++
	}
	each := float64(time.Since(start)) / count
	return []figure{
		{"", each},
		{"_max_by_min", float64(slices.Max(shares)) / float64(slices.Min(shares))},
	}
}
