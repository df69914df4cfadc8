// SPDX-License-Identifier: MIT

// The network rows in Go: `echo` and `http` serve at a free port of 127.0.0.1 and print its number;
// `fetch N` gets the URLs on standard input, N at a time. GOMAXPROCS in the environment plays the
// part of W.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return listener
}

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	for {
		size, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:size]); err != nil {
			return
		}
	}
}

func serveEcho() {
	listener := listen()
	for {
		connection, err := listener.Accept()
		check(err)
		go echo(connection)
	}
}

func serveHello() {
	hello := func(answer http.ResponseWriter, _ *http.Request) {
		io.WriteString(answer, "Hello, world!\n")
	}
	check(http.Serve(listen(), http.HandlerFunc(hello)))
}

func get(client *http.Client, url string) {
	answer, err := client.Get(url)
	check(err)
	_, err = io.Copy(io.Discard, answer.Body)
	check(err)
	answer.Body.Close()
}

func fetch(atATime int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atATime}}
	var ended sync.WaitGroup
	urls := make(chan string)
	for i := 0; i < atATime; i++ {
		ended.Add(1)
		go func() {
			defer ended.Done()
			for url := range urls {
				get(client, url)
			}
		}()
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		urls <- lines.Text()
	}
	close(urls)
	ended.Wait()
}

func main() {
	switch os.Args[1] {
	case "echo":
		serveEcho()
	case "http":
		serveHello()
	case "fetch":
		atATime, err := strconv.Atoi(os.Args[2])
		check(err)
		fetch(atATime)
	}
}
