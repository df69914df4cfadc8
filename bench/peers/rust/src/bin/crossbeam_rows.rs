// SPDX-License-Identifier: MIT

//! crossbeam's benchmark matrix with crossbeam-channel and plain threads, as bench/matrix.cpp has
//! it for coir's channels. BENCH_MESSAGES in the environment is how many, else 5 million.

use coir_peers::{number_from_environment, since, Rows};
use crossbeam_channel::{bounded, unbounded, Receiver, Select, Sender};
use std::hint::black_box;
use std::thread::scope;
use std::time::Instant;

const PARTIES: usize = 4;

type Ends = (Sender<usize>, Receiver<usize>);

fn make_channel(capacity: Option<usize>) -> Ends {
    capacity.map_or_else(unbounded, bounded)
}

fn send_all(to: &Sender<usize>, messages: usize) {
    for i in 0..messages {
        to.send(i).unwrap();
    }
}

fn receive_all(from: &Receiver<usize>, messages: usize) {
    for _ in 0..messages {
        black_box(from.recv().unwrap());
    }
}

fn seq(capacity: Option<usize>, messages: usize) {
    let (sender, receiver) = make_channel(capacity);
    send_all(&sender, messages);
    receive_all(&receiver, messages);
}

fn spsc(capacity: Option<usize>, messages: usize) {
    let (sender, receiver) = make_channel(capacity);
    scope(|threads| {
        threads.spawn(|| send_all(&sender, messages));
        receive_all(&receiver, messages);
    });
}

fn mpsc(capacity: Option<usize>, messages: usize) {
    let (sender, receiver) = make_channel(capacity);
    scope(|threads| {
        for _ in 0..PARTIES {
            threads.spawn(|| send_all(&sender, messages / PARTIES));
        }
        receive_all(&receiver, messages);
    });
}

fn mpmc(capacity: Option<usize>, messages: usize) {
    let (sender, receiver) = make_channel(capacity);
    scope(|threads| {
        for _ in 0..PARTIES {
            threads.spawn(|| send_all(&sender, messages / PARTIES));
            threads.spawn(|| receive_all(&receiver, messages / PARTIES));
        }
    });
}

fn select_receive(from: &[Ends]) {
    let mut select = Select::new();
    for (_, receiver) in from {
        select.recv(receiver);
    }
    let case = select.select();
    let (_, receiver) = &from[case.index()];
    black_box(case.recv(receiver).unwrap());
}

fn select_send(to: &[Ends], message: usize) {
    let mut select = Select::new();
    for (sender, _) in to {
        select.send(sender);
    }
    let case = select.select();
    let (sender, _) = &to[case.index()];
    case.send(sender, message).unwrap();
}

fn make_channels(capacity: Option<usize>) -> Vec<Ends> {
    (0..PARTIES).map(|_| make_channel(capacity)).collect()
}

fn select_rx(capacity: Option<usize>, messages: usize) {
    let from = make_channels(capacity);
    scope(|threads| {
        for (sender, _) in &from {
            threads.spawn(move || send_all(sender, messages / PARTIES));
        }
        for _ in 0..messages {
            select_receive(&from);
        }
    });
}

fn select_both(capacity: Option<usize>, messages: usize) {
    let between = make_channels(capacity);
    scope(|threads| {
        for _ in 0..PARTIES {
            threads.spawn(|| (0..messages / PARTIES).for_each(|i| select_send(&between, i)));
            threads.spawn(|| (0..messages / PARTIES).for_each(|_| select_receive(&between)));
        }
    });
}

type Workload = fn(Option<usize>, usize);

fn main() {
    let messages = number_from_environment("BENCH_MESSAGES", 5_000_000);
    let flavours = [
        ("bounded0", Some(0)),
        ("bounded1", Some(1)),
        ("bounded", Some(messages)),
        ("unbounded", None),
    ];
    let workloads: [(&str, Workload); 6] = [
        ("spsc", spsc),
        ("mpsc", mpsc),
        ("mpmc", mpmc),
        ("select_rx", select_rx),
        ("select_both", select_both),
        ("seq", seq),
    ];
    let mut rows = Rows::default();
    for (flavour, capacity) in flavours {
        for (name, work) in workloads {
            if name == "seq" && capacity.is_some_and(|all| all < messages) {
                continue;
            }
            rows.add_report(format!("threads_{flavour}_{name}"), move || {
                let start = Instant::now();
                work(capacity, messages);
                vec![("", since(start, messages))]
            });
        }
    }
    rows.main();
}
