//! The engine against the oracle, on random logs: at every epoch and at the end,
//! for any number of workers and any cutting into epochs.

mod cases;
mod engine;
mod log;
mod share;

pub(crate) use log::rule;

use crate::oracle::{self, Finals, Pace as OraclePace, Seen};
use engine::{Outcome, run};
use log::Case;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;
use streamgauge_ingest::lateness::Family;

fn cases(short: u32) -> u32 {
    if std::env::var_os("STREAMGAUGE_LONG").is_some() { short * 100 } else { short }
}

/// The same cases in every run; another seed by `STREAMGAUGE_SEED`.
fn runner(cases: u32) -> TestRunner {
    let seed = std::env::var("STREAMGAUGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1u64);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// The line of a record as it stands at the end of time.
pub(crate) fn final_line(value: &str) -> String {
    let body = value.split(r#","state":""#).next().unwrap_or_default();
    format!(r#"{body},"state":"final"}}"#)
}

/// The first difference of two maps, in words.
fn difference(
    got: &BTreeMap<String, String>,
    expected: &BTreeMap<String, String>,
) -> Option<String> {
    let keys: std::collections::BTreeSet<_> = got.keys().chain(expected.keys()).collect();
    let differing: Vec<_> = keys.into_iter().filter(|k| got.get(*k) != expected.get(*k)).collect();
    let first = differing.first()?;
    Some(format!(
        "{} keys differ, the first is {first}:\n  engine {:?}\n  oracle {:?}",
        differing.len(),
        got.get(*first),
        expected.get(*first)
    ))
}

fn check_end(outcome: &Outcome, finals: &Finals) -> Result<(), TestCaseError> {
    let results = &finals.results;
    if let Some(words) = difference(&outcome.finals(), results) {
        return Err(TestCaseError::fail(format!("at the end: {words}")));
    }
    prop_assert_eq!(&outcome.final_alerts(), &finals.alerts, "alerts at the end");
    prop_assert_eq!(&outcome.dead_letters, &finals.dead_letters, "dead letters");
    let (counts, summary) = (&outcome.counts, &finals.summary);
    prop_assert_eq!(counts.read, summary.read);
    prop_assert_eq!(counts.accepted, summary.accepted);
    prop_assert_eq!(counts.duplicates, summary.duplicates);
    prop_assert_eq!(counts.partly_late, summary.partly_late);
    prop_assert_eq!(counts.unknown_types, summary.unknown_types);
    prop_assert_eq!(counts.bad_leaves, summary.bad_leaves);
    for family in Family::ALL {
        prop_assert_eq!(counts.late[family as usize], summary.late[family.name()]);
    }
    let jumps: Vec<_> = summary.jumps.iter().map(|j| (j.partition, j.offset, j.ms)).collect();
    let counted: Vec<_> = counts.jumps.iter().map(|j| (j.partition, j.offset, j.ms)).collect();
    prop_assert_eq!(counted, jumps);
    prop_assert!(counts.balances());
    Ok(())
}

fn check_epochs(outcome: &Outcome, seen: &[Seen]) -> Result<(), TestCaseError> {
    prop_assert_eq!(outcome.seen.len(), seen.len(), "number of epochs");
    for (epoch, (got, expected)) in outcome.seen.iter().zip(seen).enumerate() {
        if let Some(words) = difference(&got.results, &expected.results) {
            return Err(TestCaseError::fail(format!("results at epoch {epoch}: {words}")));
        }
        if let Some(words) = difference(&got.alerts, &expected.alerts) {
            return Err(TestCaseError::fail(format!("alerts at epoch {epoch}: {words}")));
        }
    }
    Ok(())
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let settings = case.oracle_settings();
    let values = case.values();
    let judged = oracle::judge(&values, &settings);
    let cuts = case.cuts(values.len());
    let pace = OraclePace {
        provisional: case.provisional,
        provisional_epochs: case.provisional_epochs,
        correction_epochs: case.correction_epochs,
    };
    let outcome = run(case, &values, &cuts);
    check_epochs(&outcome, &oracle::seen_all(&judged, &cuts, pace, &settings))?;
    check_end(&outcome, &oracle::finals(&judged, &settings))?;
    prop_assert!(outcome.is_empty(), "something is held at the end of time: {:?}", outcome.held);
    Ok(())
}

#[test]
fn every_epoch_shows_what_the_oracle_shows() {
    let result = runner(cases(120)).run(&cases::case(), |case| check(&case));
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
