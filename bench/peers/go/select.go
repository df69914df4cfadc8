// SPDX-License-Identifier: MIT

package main

var selectRows = []row{
	{"select_ready_2", func() int { return selectReady(select2, 2) }},
	{"select_ready_8", func() int { return selectReady(select8, 8) }},
	{"select_poll_2", func() int { return selectPoll(poll2, 2) }},
	{"select_poll_8", func() int { return selectPoll(poll8, 8) }},
	{"select_park_2", func() int { return selectPark(select2, 2) }},
	{"select_park_8", func() int { return selectPark(select8, 8) }},
}

func makeChannels(count, capacity int) (made [8]chan int) {
	for i := 0; i < count; i++ {
		made[i] = make(chan int, capacity)
	}
	return
}

func selectReady(receive func(*[8]chan int) int, count int) int {
	from := makeChannels(count, 1)
	for i := 0; i < count; i++ {
		from[i] <- 1
	}
	for i := 0; i < million; i++ {
		from[receive(&from)] <- 1
	}
	return million
}

func selectPoll(receive func(*[8]chan int) int, count int) int {
	from := makeChannels(count, 1)
	for i := 0; i < million; i++ {
		receive(&from)
	}
	return million
}

func selectPark(receive func(*[8]chan int) int, count int) int {
	from := makeChannels(count, 0)
	for i := 0; i < count; i++ {
		one := from[i]
		go func() { // left behind at the end: a send on a closed channel would panic
			for {
				one <- 1
			}
		}()
	}
	for i := 0; i < million; i++ {
		receive(&from)
	}
	return million
}

func select2(from *[8]chan int) int {
	select {
	case <-from[0]:
		return 0
	case <-from[1]:
		return 1
	}
}

func poll2(from *[8]chan int) int {
	select {
	case <-from[0]:
		return 0
	case <-from[1]:
		return 1
	default:
		return 2
	}
}

func select8(from *[8]chan int) int {
	select {
	case <-from[0]:
		return 0
	case <-from[1]:
		return 1
	case <-from[2]:
		return 2
	case <-from[3]:
		return 3
	case <-from[4]:
		return 4
	case <-from[5]:
		return 5
	case <-from[6]:
		return 6
	case <-from[7]:
		return 7
	}
}

func poll8(from *[8]chan int) int {
	select {
	case <-from[0]:
		return 0
	case <-from[1]:
		return 1
	case <-from[2]:
		return 2
	case <-from[3]:
		return 3
	case <-from[4]:
		return 4
	case <-from[5]:
		return 5
	case <-from[6]:
		return 6
	case <-from[7]:
		return 7
	default:
		return 8
	}
}
