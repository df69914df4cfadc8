// SPDX-License-Identifier: MIT

//! What the peers in Rust share: rows, chosen by the arguments and printed as `row nanoseconds`,
//! one line each; `--list` prints their names. BENCH_WORKERS in the environment plays the part of W.

use std::time::Instant;

pub const MILLION: usize = 1_000_000;

/// A row measures by itself and returns what is printed behind its name.
pub type Measure = Box<dyn Fn() -> Vec<(&'static str, f64)>>;

#[derive(Default)]
pub struct Rows {
    rows: Vec<(String, Measure)>,
}

impl Rows {
    pub fn add_report(
        &mut self,
        name: impl Into<String>,
        measure: impl Fn() -> Vec<(&'static str, f64)> + 'static,
    ) {
        self.rows.push((name.into(), Box::new(measure)));
    }

    /// `run` returns nanoseconds per operation; the figure is the better of two runs, unless they
    /// take long.
    pub fn add(&mut self, name: impl Into<String>, run: impl Fn() -> f64 + 'static) {
        self.add_report(name, move || {
            let start = Instant::now();
            let first = run();
            if start.elapsed().as_millis() > 300 {
                return vec![("", first)];
            }
            vec![("", first.min(run()))]
        });
    }

    pub fn main(self) {
        let wanted: Vec<String> = std::env::args().skip(1).collect();
        for (name, measure) in self.rows {
            if wanted.iter().any(|one| one == "--list") {
                println!("{name}");
            } else if wanted.is_empty() || wanted.contains(&name) {
                for (suffix, value) in measure() {
                    println!("{name}{suffix} {value:.1}");
                }
            }
        }
    }
}

pub fn number_from_environment(name: &str, otherwise: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

pub fn since(start: Instant, operations: usize) -> f64 {
    start.elapsed().as_nanos() as f64 / operations as f64
}
