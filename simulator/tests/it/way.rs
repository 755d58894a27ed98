//! What happens on the way: disorder, lateness, copies, breakage.

use std::collections::BTreeSet;

use streamgauge_simulator::{Breakage, Condition, Emitted, Options};

use crate::{generate, near, options};

const START_MS: i64 = 1_703_116_800_000;

fn delay_ms(emitted: &Emitted) -> i64 {
    let due_ms = i64::try_from(emitted.due_us / 1000).expect("small");
    START_MS + due_ms - emitted.timestamp_ms
}

fn all_damage(events: u64) -> Options {
    Options {
        disorder_ms: 3_000,
        late_share: 0.03,
        duplicate_share: 0.02,
        malformed_share: 0.04,
        ..options(events)
    }
}

#[test]
fn without_damage_everything_is_in_order_and_at_once() {
    let records = generate(options(20_000));
    assert!(records.windows(2).all(|pair| pair[0].0.timestamp_ms <= pair[1].0.timestamp_ms));
    assert!(records.iter().all(|(emitted, _)| delay_ms(emitted) == 0 && !emitted.held_back));
}

#[test]
fn disorder_has_its_bound() {
    let records = generate(Options { disorder_ms: 2_000, ..options(20_000) });
    let mut newest_ms = 0;
    let mut most_behind_ms = 0;
    for (emitted, _) in &records {
        assert!((0..=2_000).contains(&delay_ms(emitted)), "{emitted:?}");
        newest_ms = newest_ms.max(emitted.timestamp_ms);
        most_behind_ms = most_behind_ms.max(newest_ms - emitted.timestamp_ms);
    }
    assert!((1_000..=2_000).contains(&most_behind_ms), "{most_behind_ms}");
}

#[test]
fn late_events_are_held_back_within_their_bounds() {
    let records = generate(Options { late_share: 0.05, ..options(50_000) });
    let late: Vec<&Emitted> =
        records.iter().map(|(emitted, _)| emitted).filter(|emitted| emitted.held_back).collect();
    near("late", late.len() as f64 / 50_000.0, 0.05, 0.005);
    assert!(late.iter().all(|emitted| (5_000..=1_200_000).contains(&delay_ms(emitted))));
    assert!(late.iter().any(|emitted| delay_ms(emitted) > 1_000_000));
}

#[test]
fn shares_and_the_number_of_records_are_as_asked() {
    let records = generate(all_damage(50_000));
    assert_eq!(records.len(), 50_000);
    let share = |is: fn(&Emitted) -> bool| {
        records.iter().filter(|(emitted, _)| is(emitted)).count() as f64 / 50_000.0
    };
    near("late", share(|emitted| emitted.held_back), 0.03, 0.004);
    near("copies", share(|emitted| emitted.condition == Condition::Duplicate), 0.02, 0.003);
    let broken = |emitted: &Emitted| matches!(emitted.condition, Condition::Malformed(_));
    near("broken", share(broken), 0.04, 0.004);
    assert!(records.windows(2).all(|pair| pair[0].0.due_us <= pair[1].0.due_us));
}

#[test]
fn copies_are_the_bytes_of_an_earlier_record() {
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (emitted, value) in generate(all_damage(20_000)) {
        match emitted.condition {
            Condition::Whole => assert!(seen.insert(value), "a copy that is not marked"),
            Condition::Duplicate => assert!(seen.contains(&value), "a copy of nothing"),
            Condition::Malformed(_) => {}
        }
    }
}

#[test]
fn broken_records_are_of_all_kinds_and_one_line() {
    let mut kinds = BTreeSet::new();
    for (emitted, value) in generate(all_damage(20_000)) {
        assert!(!value.contains(&b'\n'));
        if let Condition::Malformed(kind) = emitted.condition {
            kinds.insert(kind);
        } else {
            serde_json::from_slice::<serde_json::Value>(&value).expect("JSON");
        }
    }
    assert_eq!(kinds, BTreeSet::from(Breakage::ALL));
}

#[test]
fn damage_does_not_change_what_happens_in_the_shop() {
    let plain = generate(options(5_000));
    let whole: BTreeSet<Vec<u8>> = generate(Options { duplicate_share: 0.0, ..all_damage(5_000) })
        .into_iter()
        .filter(|(emitted, _)| emitted.condition == Condition::Whole)
        .map(|(_, value)| value)
        .collect();
    let known: BTreeSet<Vec<u8>> = plain.into_iter().map(|(_, value)| value).collect();
    assert!(whole.is_subset(&known) && whole.len() > 4_500);
}

#[test]
fn a_start_of_zero_and_endless_runs_work() {
    let mut generator = streamgauge_simulator::Generator::new(Options {
        start_ms: 0,
        malformed_share: 1.0,
        ..Options::default()
    })
    .expect("valid options");
    for _ in 0..2_000 {
        generator.next_event(&mut Vec::new()).expect("no end");
    }
    assert!(generate(options(0)).is_empty());
}
