// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
)

const million = 1_000_000

var spawnRows = []row{
	{"yield_2", func() int { return yieldInTurn(2, func() {}) }},
	{"yield_1000", func() int { return yieldInTurn(1000, func() {}) }},
	{"yield_float", func() int {
		value := 1.0
		return yieldInTurn(2, func() { value = value/3 + 1 })
	}},
	{"spawn_join_1", func() int {
		for i := 0; i < million; i++ {
			startAndJoin(1)
		}
		return million
	}},
	{"spawn_join_1000", func() int {
		for i := 0; i < 1000; i++ {
			startAndJoin(1000)
		}
		return million
	}},
	{"spawn_1000000_cold", func() int { startAndJoin(million); return million }},
	{"spawn_1000000", func() int { startAndJoin(million); return million }},
	{"mutex_1", func() int { return shareMutex(1, func() {}) }},
	{"mutex_100", func() int { return shareMutex(100, func() {}) }},
	{"mutex_100_yield", func() int { return shareMutex(100, runtime.Gosched) }},
}

func yieldInTurn(count int, between func()) int {
	rounds := million/count + 1
	inParallel(count, func() {
		for i := 0; i < rounds; i++ {
			between()
			runtime.Gosched()
		}
	})
	return count * rounds
}

func inParallel(count int, body func()) {
	var all sync.WaitGroup
	all.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			body()
			all.Done()
		}()
	}
	all.Wait()
}

func startAndJoin(count int) { inParallel(count, func() {}) }

func shareMutex(count int, inside func()) int {
	var mutex sync.Mutex
	rounds := million/count + 1
	inParallel(count, func() {
		for i := 0; i < rounds; i++ {
			mutex.Lock()
			inside()
			mutex.Unlock()
		}
	})
	return count * rounds
}
