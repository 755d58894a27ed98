//! Plain references beside the operators that are written by hand.
//!
//! Each definition is written once more with differential operators over ordinary
//! collections with explicit retractions: nothing is remembered by hand, nothing
//! is ever dropped, and no speed is asked for. Reference and operator get the same
//! random input, cut into epochs at random, on one to three workers; in every
//! epoch the consolidated updates must be equal. As the reference drops nothing,
//! equality also says that dropping state is silent and never too early.
//!
//! `STREAMGAUGE_LONG` in the environment runs fifty times as many cases,
//! `STREAMGAUGE_SEED` other ones.

mod bounces;
mod case;
mod compare;
mod end;
mod event;
mod feed;
mod items;
mod lists;
mod pacing;
mod publishing;
mod records;
mod sessions;
mod state;
mod steps;
mod tallies;
mod windows;

use case::{Case, cases};
use differential_dataflow::VecCollection;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use streamgauge::time::Epoch;

/// A collection whose changes are told apart by epoch.
type Collection<'s, D> = VecCollection<'s, Epoch, D, isize>;

/// Checks a number of cases: the same ones in every run.
fn check(short: u32, test: impl Fn(Case) -> Result<(), TestCaseError>) {
    let long = std::env::var_os("STREAMGAUGE_LONG").is_some();
    let seed = std::env::var("STREAMGAUGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1u64);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: if long { short * 50 } else { short },
        failure_persistence: None,
        max_shrink_iters: 3_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    if let Err(error) = TestRunner::new_with_rng(config, rng).run(&cases(), test) {
        panic!("{error}");
    }
}
