use super::*;
use crate::alert::{Template, When};
use crate::funnel::Step;
use proptest::prelude::*;
use std::collections::BTreeSet;
use streamgauge_ingest::decode::Kind;

const WITHIN_MS: i64 = 5;

fn rule(is_without: bool) -> Arc<AlertRule> {
    let text = |text| Template::parse(text, &[]).unwrap();
    Arc::new(AlertRule {
        name: "r".into(),
        version: 1,
        severity: "LOW",
        title: text("t"),
        description: text("d"),
        when: When::Sequence(Sequence {
            first: Step::Page("/a".to_owned()),
            then: Step::Type(Kind::Conversion),
            is_without,
            within_ms: WITHIN_MS,
        }),
    })
}

/// Time of the first step and end, by the definition.
fn naive(events: &[(Mark, Steps)], is_without: bool, watermark_ms: i64) -> BTreeSet<(i64, i64)> {
    let ends = events.iter().filter(|(_, steps)| steps.first).filter_map(|(first, _)| {
        let follows = |(then, steps): &&(Mark, Steps)| {
            steps.then && then > first && then.0 <= first.0 + WITHIN_MS
        };
        let then_ms = events.iter().filter(follows).map(|(then, _)| then.0).min();
        let end_ms = match is_without {
            false => then_ms?,
            true => then_ms.is_none().then_some(first.0 + WITHIN_MS)?,
        };
        (end_ms < watermark_ms).then_some((first.0, end_ms))
    });
    // Of several at one time, one alert: that which ends first.
    let mut by_time = BTreeMap::new();
    for (at_ms, end_ms) in ends {
        let least = by_time.entry(at_ms).or_insert(end_ms);
        *least = end_ms.min(*least);
    }
    by_time.into_iter().collect()
}

proptest! {
    #[test]
    fn alerts_are_those_of_the_definition(
        events in prop::collection::vec((0i64..20, 0u32..3, 1u8..4, 0i64..3), 1..40),
        is_without in any::<bool>(),
    ) {
        let rule = rule(is_without);
        let sequence = rule.sequence().unwrap();
        let (mut sequences, mut watermark_ms) = (Sequences::default(), 0);
        let (mut stands, mut timers) = (BTreeSet::new(), Vec::new());
        let mut so_far: Vec<(Mark, Steps)> = Vec::new();
        for (offset, (at_ms, partition, kind, on_ms)) in (0..).zip(events) {
            let mark = (at_ms, partition, offset);
            let steps = Steps { first: kind & 1 != 0, then: kind & 2 != 0 };
            so_far.push((mark, steps));
            let mut effects = Effects::default();
            let mut of = Rule { place: 0, rule: &rule, sequence, user: "u", watermark_ms };
            sequences.insert(of, mark, steps, &mut effects);
            watermark_ms += on_ms;
            of.watermark_ms = watermark_ms;
            timers.append(&mut effects.timers);
            let due = timers.extract_if(.., |(due_ms, _, _)| *due_ms <= watermark_ms);
            for (_, _, at_ms) in due.collect::<Vec<_>>() {
                sequences.due(of, at_ms, &mut effects);
            }
            for (alert, diff) in effects.alerts {
                let key = (alert.start_ms, alert.end_ms);
                let is_change = if diff > 0 { stands.insert(key) } else { stands.remove(&key) };
                prop_assert!(is_change);
            }
            prop_assert_eq!(&stands, &naive(&so_far, is_without, watermark_ms));
            let mut again = Sequences::default();
            for (_, firsts, thens) in sequences.all() {
                again.load(of, firsts.to_vec(), thens.to_vec());
            }
            let told = |s: &Sequences| s.0.iter().map(|r| r.told.clone()).collect::<Vec<_>>();
            prop_assert_eq!(told(&again), told(&sequences));
        }
    }
}

#[test]
fn what_is_due_is_told_before_it_is_dropped() {
    let rule = rule(true);
    let sequence = rule.sequence().unwrap();
    let of = Rule { place: 0, rule: &rule, sequence, user: "u", watermark_ms: 0 };
    let windows =
        Windows { lateness_ms: 10, session_gap_ms: 10, allowed_disorder_ms: 0, days: None };
    let (mut sequences, mut effects) = (Sequences::default(), Effects::default());
    sequences.insert(of, (3, 0, 0), Steps { first: true, then: false }, &mut effects);
    sequences.expire(&windows, |_| Some(Rule { watermark_ms: i64::MAX, ..of }), &mut effects);
    assert_eq!(effects.alerts.len(), 1);
    assert_eq!(sequences.all().count(), 0);
}

#[test]
fn what_is_old_is_dropped() {
    let rule = rule(false);
    let sequence = rule.sequence().unwrap();
    let of = Rule { place: 0, rule: &rule, sequence, user: "u", watermark_ms: 0 };
    let windows =
        Windows { lateness_ms: 10, session_gap_ms: 10, allowed_disorder_ms: 0, days: None };
    let mut sequences = Sequences::default();
    sequences.insert(of, (3, 0, 0), Steps { first: true, then: false }, &mut Effects::default());
    assert_eq!(sequences.expires_ms(&windows, |_| WITHIN_MS), 3 + 2 * WITHIN_MS + 10);
    let at = |watermark_ms| move |_| Some(Rule { watermark_ms, ..of });
    let mut effects = Effects::default();
    sequences.expire(&windows, at(22), &mut effects);
    assert_eq!(sequences.all().count(), 1);
    sequences.expire(&windows, at(23), &mut effects);
    assert!(effects.alerts.is_empty());
    assert_eq!(sequences.all().count(), 0);
    assert_eq!(sequences.expires_ms(&windows, |_| WITHIN_MS), BEFORE_TIME_MS);
}
