//! Random logs, dense where rules have their edges: few users, pages and times;
//! settings so small that watermarks, lateness and gaps matter within a few
//! records.

use super::log::{Apart, Case, Spec};
use crate::oracle;
use proptest::prelude::*;

fn on_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => Just(0i64),
        8 => 0i64..4_000,
        4 => prop::sample::select(vec![1, 999, 1_000, 5_000, 9_999, 10_000, 20_000]),
        2 => 10_000i64..70_000,
        1 => prop::sample::select(vec![300_000, 900_000, 4_000_000, 11_000_000, 45_000_000]),
    ]
}

fn back_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => Just(0i64),
        4 => 0i64..6_000,
        3 => 0i64..60_000,
        2 => prop::sample::select(vec![1, 5_000, 10_000, 20_000, 30_000, 300_000]),
        1 => 0i64..1_000_000,
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    let event = (0u8..5, 0u8..3, 0u8..7, 0u8..4, 0u8..8, on_ms(), back_ms()).prop_map(
        |(user, session, kind, page, other, on_ms, back_ms)| Spec::Event {
            user,
            session,
            kind,
            page,
            other,
            on_ms,
            back_ms,
        },
    );
    prop_oneof![20 => event, 1 => (0usize..50).prop_map(Spec::Again), 1 => (0u8..6).prop_map(Spec::Broken)]
}

/// Rules of both kinds, before and after HIGH_BOUNCE_RATE by their names.
fn rules() -> impl Strategy<Value = Vec<oracle::Rule>> {
    let metrics = [
        ("PAGE_VIEWS_PER_SECOND", 200_000),
        ("ACTIVE_USERS", 1_000_000),
        ("ACTIVE_USERS_5M", 2_000_000),
        ("BOUNCE_RATE", 50_000_000),
        ("AVERAGE_SESSION_DURATION", 2_000_000),
        ("CONVERSION_RATE", 33_333_333),
        ("ABANDONMENT_RATE", 40_000_000),
    ];
    let threshold = (prop::sample::select(metrics.to_vec()), any::<bool>(), 1i64..4).prop_map(
        |((metric, limit), above, windows)| oracle::Rule {
            name: "a_limit".to_owned(),
            when: oracle::When::Threshold { metric: metric.to_owned(), above, limit, windows },
        },
    );
    let step = || prop::sample::select(vec!["/p0", "/p*", "CONVERSION", "SESSION_START"]);
    let within = prop::sample::select(vec![1i64, 4_000, 30_000, 300_000, 2_000_000]);
    let sequence =
        (step(), step(), any::<bool>(), within).prop_map(|(first, then, without, within_ms)| {
            let (first, then) = (first.to_owned(), then.to_owned());
            oracle::When::Sequence { first, then, without, within_ms }
        });
    (prop::option::of(threshold), prop::collection::vec(sequence, 0..3)).prop_map(
        |(threshold, sequences)| {
            let names = ["z_steps", "b_steps"].map(str::to_owned);
            let sequences =
                names.into_iter().zip(sequences).map(|(name, when)| oracle::Rule { name, when });
            threshold.into_iter().chain(sequences).collect()
        },
    )
}

/// The zone of the days, or none, and where time begins: five minutes before a day does.
fn days() -> impl Strategy<Value = (Option<&'static str>, i64)> {
    let without = vec![(None, 1_700_000_100_000); 3];
    let with = vec![
        (Some("UTC"), 1_700_006_100_000),
        (Some("Asia/Kathmandu"), 1_699_985_400_000),
        // A day of 23 hours, the one behind it, and the one behind a day of 25.
        (Some("Europe/Berlin"), 1_711_839_300_000),
        (Some("Europe/Berlin"), 1_711_922_100_000),
        (Some("Europe/Berlin"), 1_730_069_700_000),
        // Behind a day in which it was 23:30 twice; one that begins at 1:00.
        (Some("America/Sao_Paulo"), 1_518_922_500_000),
        (Some("America/Sao_Paulo"), 1_541_300_100_000),
    ];
    prop::sample::select([without, with].concat())
}

/// A number of workers, and how far apart they are.
fn workers() -> impl Strategy<Value = (usize, Apart)> {
    (1usize..5, 0usize..3, 1usize..4).prop_map(|(workers, apart, fed)| {
        let apart = [Apart::Not, Apart::Bytes, Apart::Processes(fed.min(workers))][apart];
        (workers, apart)
    })
}

/// Random cases.
pub(super) fn case() -> impl Strategy<Value = Case> {
    let log = (prop::collection::vec(spec(), 0..120), prop::collection::vec(0usize..25, 0..12));
    let ms = |values: &[i64]| prop::sample::select(values.to_vec());
    let time = (
        ms(&[0, 1_000, 5_000]),
        ms(&[0, 5_000, 30_000, 600_000]),
        ms(&[1_000, 20_000, 60_000, 1_800_000]),
    );
    let input = (
        1u32..4,
        prop::sample::select(vec![3u64, 10, 100_000]),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let pace = (
        any::<bool>(),
        prop::sample::select(vec![1u64, 2, 3]),
        prop::sample::select(vec![1u64, 1, 3]),
    );
    (log, workers(), time, input, pace, rules(), days()).prop_map(
        |(log, workers, time, input, pace, rules, days)| Case {
            specs: log.0,
            start_ms: days.1,
            epochs: log.1,
            workers: workers.0,
            apart: workers.1,
            partitions: input.0,
            allowed_disorder_ms: time.0,
            lateness_ms: time.1,
            session_gap_ms: time.2,
            idle_after_records: input.1,
            dedup: input.2,
            exclude_bots: input.3,
            strict: input.4,
            provisional: pace.0,
            provisional_epochs: pace.1,
            correction_epochs: pace.2,
            rules,
            days: days.0,
        },
    )
}
