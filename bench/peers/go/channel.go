// SPDX-License-Identifier: MIT

package main

var channelRows = []row{
	{"ping_pong", pingPong},
	{"stream_0", func() int { return stream(0) }},
	{"stream_1", func() int { return stream(1) }},
	{"stream_10", func() int { return stream(10) }},
	{"stream_100", func() int { return stream(100) }},
	{"stream_1000", func() int { return stream(1000) }},
	{"ring_503", func() int { return ring(503) }},
	{"ring_10000", func() int { return ring(10_000) }},
}

func pingPong() int {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	for i := 0; i < million; i++ {
		there <- i
		<-back
	}
	close(there)
	return million
}

func stream(capacity int) int {
	items := make(chan int, capacity)
	go func() {
		for i := 0; i < million; i++ {
			items <- i
		}
		close(items)
	}()
	sum := 0
	for item := range items {
		sum += item
	}
	return million
}

func ring(count int) int {
	rounds := million/count + 1
	first := make(chan int)
	last := first
	for i := 1; i < count; i++ {
		from, to := last, make(chan int)
		last = to
		go func() {
			for token := range from {
				to <- token
			}
			close(to)
		}()
	}
	for i := 0; i < rounds; i++ {
		first <- i
		<-last
	}
	close(first)
	return count * rounds
}
