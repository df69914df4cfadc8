// SPDX-License-Identifier: MIT

//! The rows of bench/ in tokio: tasks without stacks of their own, its own channels and mutex. It
//! has no rendezvous channel, so capacity 1 stands in for it.

use coir_peers::{number_from_environment, since, Rows, MILLION};
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, Mutex, Notify};
use tokio::task::{spawn, yield_now, JoinHandle};

/// One worker is tokio's best with its scheduler of one thread.
fn make_runtime() -> Runtime {
    match number_from_environment("BENCH_WORKERS", 1) {
        1 => Builder::new_current_thread().enable_time().build(),
        many => Builder::new_multi_thread()
            .worker_threads(many)
            .enable_time()
            .build(),
    }
    .unwrap()
}

/// A task of its own, as every task on a worker is: the one that `block_on` runs is slower.
fn run<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
    make_runtime().block_on(async { spawn(body).await.unwrap() })
}

async fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

async fn yield_in_turn(count: usize, between: fn(f64) -> f64) -> f64 {
    let rounds = MILLION / count + 1;
    let start = Instant::now();
    let each = |_| {
        spawn(async move {
            let mut value = 1.0;
            for _ in 0..rounds {
                value = black_box(between(value));
                yield_now().await;
            }
        })
    };
    join_all((0..count).map(each).collect()).await;
    since(start, count * rounds)
}

async fn start_and_join(count: usize, times: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        join_all((0..count).map(|_| spawn(async {})).collect()).await;
    }
    since(start, count * times)
}

async fn ping_pong() -> f64 {
    let (there, mut arrives) = mpsc::channel::<usize>(1);
    let (back, mut returns) = mpsc::channel::<usize>(1);
    spawn(async move {
        while let Some(value) = arrives.recv().await {
            back.send(value).await.unwrap();
        }
    });
    let start = Instant::now();
    for i in 0..MILLION {
        there.send(i).await.unwrap();
        black_box(returns.recv().await);
    }
    since(start, MILLION)
}

async fn stream(capacity: usize) -> f64 {
    let (sender, mut receiver) = mpsc::channel(capacity);
    let start = Instant::now();
    spawn(async move {
        for i in 0..MILLION {
            sender.send(i).await.unwrap();
        }
    });
    let mut sum = 0;
    while let Some(item) = receiver.recv().await {
        sum += item;
    }
    black_box(sum);
    since(start, MILLION)
}

async fn ring(count: usize) -> f64 {
    let rounds = MILLION / count + 1;
    let (first, mut last) = mpsc::channel(1);
    for _ in 1..count {
        let (to, next) = mpsc::channel(1);
        let mut from = std::mem::replace(&mut last, next);
        spawn(async move {
            while let Some(token) = from.recv().await {
                if to.send(token).await.is_err() {
                    return;
                }
            }
        });
    }
    let start = Instant::now();
    for i in 0..rounds {
        first.send(i).await.unwrap();
        black_box(last.recv().await);
    }
    since(start, count * rounds)
}

/// With `count` tasks that hold the mutex while they yield, if `yields`.
async fn share_mutex(count: usize, yields: bool) -> f64 {
    let rounds = MILLION / count + 1;
    let mutex = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let each = |_| {
        let mutex = mutex.clone();
        spawn(async move {
            for _ in 0..rounds {
                let mut guard = mutex.lock().await;
                *guard += 1;
                if yields {
                    yield_now().await;
                }
            }
        })
    };
    join_all((0..count).map(each).collect()).await;
    since(start, count * rounds)
}

async fn filter(mut from: mpsc::Receiver<usize>, to: mpsc::Sender<usize>, prime: usize) {
    while let Some(number) = from.recv().await {
        if number % prime != 0 && to.send(number).await.is_err() {
            return;
        }
    }
}

async fn sieve() -> f64 {
    let start = Instant::now();
    let (first, mut numbers) = mpsc::channel(1);
    spawn(async move {
        let mut number = 2;
        while first.send(number).await.is_ok() {
            number += 1;
        }
    });
    for _ in 0..4000 {
        let prime = numbers.recv().await.unwrap();
        let (to, next) = mpsc::channel(1);
        spawn(filter(std::mem::replace(&mut numbers, next), to, prime));
    }
    since(start, 1)
}

type Leaf = Pin<Box<dyn Future<Output = ()> + Send>>;

fn skynet(parent: mpsc::Sender<usize>, first: usize, leaves: usize) -> Leaf {
    Box::pin(async move {
        if leaves == 1 {
            return parent.send(first).await.unwrap();
        }
        let (sender, mut sums) = mpsc::channel(1);
        for i in 0..10 {
            let part = leaves / 10;
            spawn(skynet(sender.clone(), first + i * part, part));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += sums.recv().await.unwrap();
        }
        parent.send(sum).await.unwrap();
    })
}

fn skynet_by_join(first: usize, leaves: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let part = leaves / 10;
        let child = |i| spawn(skynet_by_join(first + i * part, part));
        let children: [JoinHandle<usize>; 10] = std::array::from_fn(child);
        let mut sum = 0;
        for one in children {
            sum += one.await.unwrap();
        }
        sum
    })
}

async fn skynet_over_channels() -> f64 {
    let start = Instant::now();
    let (sender, mut result) = mpsc::channel(1);
    spawn(skynet(sender, 0, MILLION));
    black_box(result.recv().await);
    since(start, 1)
}

async fn skynet_join() -> f64 {
    let start = Instant::now();
    black_box(skynet_by_join(0, MILLION).await);
    since(start, 1)
}

/// What all threads of this process have run.
fn cpu_nanoseconds() -> f64 {
    let of_thread = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.filter_map(of_thread).sum()
}

async fn sleep_all() {
    let each = |_| spawn(tokio::time::sleep(Duration::from_millis(100)));
    join_all((0..100_000).map(each).collect()).await;
}

async fn sleep_100k() -> f64 {
    sleep_all().await; // as in bench/: the memory was used before
    let before = cpu_nanoseconds();
    sleep_all().await;
    cpu_nanoseconds() - before
}

/// Starts `count` tasks that wait for ever, and returns when all do.
async fn park(count: usize) -> Vec<JoinHandle<()>> {
    let gate = Arc::new(Notify::new());
    let (parked, mut count_them) = mpsc::unbounded_channel();
    let each = |_| {
        let (gate, parked) = (gate.clone(), parked.clone());
        spawn(async move {
            parked.send(()).unwrap();
            drop(parked);
            gate.notified().await;
        })
    };
    let tasks = (0..count).map(each).collect();
    drop(parked);
    while count_them.recv().await.is_some() {}
    tasks
}

async fn cancel_100k() -> f64 {
    let tasks = park(100_000).await;
    let start = Instant::now();
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        assert!(task.await.is_err());
    }
    since(start, 1)
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
}

async fn parked_1m() -> Vec<(&'static str, f64)> {
    let before = resident_bytes();
    let start = Instant::now();
    let tasks = park(MILLION).await;
    let each = since(start, MILLION);
    let bytes = (resident_bytes() - before) / MILLION as f64;
    drop(tasks);
    vec![("", each), ("_resident_bytes", bytes)]
}

fn main() {
    let mut rows = Rows::default();
    rows.add("yield_2", || run(yield_in_turn(2, |value| value)));
    rows.add("yield_1000", || run(yield_in_turn(1000, |value| value)));
    rows.add("yield_float", || {
        run(yield_in_turn(2, |value| value / 3.0 + 1.0))
    });
    rows.add("spawn_join_1", || run(start_and_join(1, MILLION)));
    rows.add("spawn_join_1000", || run(start_and_join(1000, 1000)));
    rows.add("spawn_1000000", || run(start_and_join(MILLION, 1)));
    rows.add("ping_pong", || run(ping_pong()));
    for (name, capacity) in [
        ("stream_1", 1),
        ("stream_10", 10),
        ("stream_100", 100),
        ("stream_1000", 1000),
    ] {
        rows.add(name, move || run(stream(capacity)));
    }
    rows.add("ring_503", || run(ring(503)));
    rows.add("ring_10000", || run(ring(10_000)));
    rows.add("mutex_1", || run(share_mutex(1, false)));
    rows.add("mutex_100", || run(share_mutex(100, false)));
    rows.add("mutex_100_yield", || run(share_mutex(100, true)));
    rows.add("sieve_4000", || run(sieve()));
    rows.add("skynet", || run(skynet_over_channels()));
    rows.add("skynet_join", || run(skynet_join()));
    rows.add("sleep_100k", || run(sleep_100k()));
    rows.add("cancel_100k", || run(cancel_100k()));
    rows.add_report("parked_1M", || run(parked_1m()));
    rows.main();
}
