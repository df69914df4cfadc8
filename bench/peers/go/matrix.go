// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"strconv"
	"sync"
)

const parties = 4

// The matrix with which crossbeam compares channels, as bench/matrix.cpp has it.
func matrixRows() (rows []row) {
	messages := 5_000_000
	if wanted, err := strconv.Atoi(os.Getenv("BENCH_MESSAGES")); err == nil {
		messages = wanted
	}
	for _, flavour := range []struct {
		name     string
		capacity int
	}{{"bounded0", 0}, {"bounded1", 1}, {"bounded", messages}} {
		flavour := flavour // each closure its own: they share one before Go 1.22
		add := func(name string, work func(capacity, messages int)) {
			rows = append(rows, row{"matrix_" + flavour.name + "_" + name, func() int {
				work(flavour.capacity, messages)
				return messages
			}})
		}
		add("spsc", spsc)
		add("mpsc", mpsc)
		add("mpmc", mpmc)
		add("select_rx", selectRx)
		add("select_both", selectBoth)
		if flavour.name == "bounded" {
			add("seq", seq)
		}
	}
	return
}

func sendAll(to chan<- int, messages int) {
	for i := 0; i < messages; i++ {
		to <- i
	}
}

func receiveAll(from <-chan int, messages int) {
	for i := 0; i < messages; i++ {
		<-from
	}
}

func seq(capacity, messages int) {
	channel := make(chan int, capacity)
	sendAll(channel, messages)
	receiveAll(channel, messages)
}

func spsc(capacity, messages int) {
	channel := make(chan int, capacity)
	go sendAll(channel, messages)
	receiveAll(channel, messages)
}

func mpsc(capacity, messages int) {
	channel := make(chan int, capacity)
	for i := 0; i < parties; i++ {
		go sendAll(channel, messages/parties)
	}
	receiveAll(channel, messages)
}

func mpmc(capacity, messages int) {
	channel := make(chan int, capacity)
	for i := 0; i < parties; i++ {
		go sendAll(channel, messages/parties)
	}
	inParallel(parties, func() { receiveAll(channel, messages/parties) })
}

func selectRx(capacity, messages int) {
	from := makeMatrixChannels(capacity)
	for _, one := range from {
		go sendAll(one, messages/parties)
	}
	for i := 0; i < messages; i++ {
		selectReceive(&from)
	}
}

func selectBoth(capacity, messages int) {
	between := makeMatrixChannels(capacity)
	var all sync.WaitGroup
	all.Add(2 * parties)
	for i := 0; i < parties; i++ {
		go func() {
			for i := 0; i < messages/parties; i++ {
				selectSend(&between, i)
			}
			all.Done()
		}()
		go func() {
			for i := 0; i < messages/parties; i++ {
				selectReceive(&between)
			}
			all.Done()
		}()
	}
	all.Wait()
}

func makeMatrixChannels(capacity int) (made [parties]chan int) {
	for i := range made {
		made[i] = make(chan int, capacity)
	}
	return
}

func selectReceive(from *[parties]chan int) {
	select {
	case <-from[0]:
	case <-from[1]:
	case <-from[2]:
	case <-from[3]:
	}
}

func selectSend(to *[parties]chan int, message int) {
	select {
	case to[0] <- message:
	case to[1] <- message:
	case to[2] <- message:
	case to[3] <- message:
	}
}
