//! Random logs: what is seen must be what the definitions say.

use super::super::example::event;
use super::super::{finals, judge};
use super::tests::settings;
use super::*;

/// A log of this many events by few users, most of them in order; seeded, so always the same.
pub(super) fn random_log(seed: u64, events: usize) -> Vec<Vec<u8>> {
    let mut random = seed;
    let mut below = |limit: i64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(random >> 33).unwrap() % limit
    };
    let mut now_ms = 1_000_000;
    (0..events)
        .map(|_| {
            now_ms += [0, 500, 2_000, 9_000, 40_000][usize::try_from(below(5)).unwrap()];
            let back_ms = [0, 0, 3_000, 12_000, 30_000, 90_000][usize::try_from(below(6)).unwrap()];
            let user = ["a", "b", "c", "d"][usize::try_from(below(4)).unwrap()];
            let kind = ["PAGE_VIEW", "PAGE_VIEW", "CONVERSION", "SESSION_START", "SESSION_END"]
                [usize::try_from(below(5)).unwrap()];
            let page =
                ["/", "/products/1", "/cart", "/checkout"][usize::try_from(below(4)).unwrap()];
            let rest = format!(r#","sessionId":"s{}","pageViewData":{{"url":"{page}"}}"#, below(2));
            event(user, now_ms - below(1 + back_ms), kind, &rest)
        })
        .collect()
}

fn random_cuts(seed: usize, events: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..events).step_by(1 + seed % 7).collect();
    cuts.push(events);
    cuts
}

fn without_state(lines: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let cut = |line: &String| line.rsplit_once(r#","state""#).unwrap().0.to_owned();
    lines.iter().map(|(key, line)| (key.clone(), cut(line))).collect()
}

#[test]
fn at_the_end_all_is_seen_whatever_the_pace() {
    let s = Settings { partitions: 2, ..settings() };
    for seed in 0..20 {
        let judged = judge(&random_log(seed, 60), &s);
        let finals = finals(&judged, &s);
        let cuts = random_cuts(usize::try_from(seed).unwrap(), judged.len());
        for (provisional, correction_epochs) in [(true, 1), (false, 1), (true, 20), (false, 7)] {
            let pace = Pace { provisional, provisional_epochs: 10, correction_epochs };
            let seen = seen_at(&judged, &cuts, cuts.len(), pace, &s);
            assert_eq!(without_state(&seen.results), without_state(&finals.results), "{seed}");
            let lines: BTreeSet<&String> = seen.alerts.values().collect();
            assert_eq!(lines, finals.alerts.iter().collect(), "{seed}");
        }
    }
}

/// With corrections in every epoch a reader sees what the definitions say at each, of all closed
/// windows, however old: so nothing changes any more behind the time at which windows freeze.
#[test]
fn nothing_changes_once_frozen() {
    let s = Settings { partitions: 2, ..settings() };
    let pace = Pace { provisional: false, provisional_epochs: 1, correction_epochs: 1 };
    for seed in 0..20 {
        let judged = judge(&random_log(seed, 60), &s);
        let log = Log::new(&judged, &s);
        let cuts = random_cuts(usize::try_from(seed).unwrap(), judged.len());
        let all = seen_all(&judged, &cuts, pace, &s);
        for (seen, epoch) in all.iter().zip(epochs(&judged, &cuts)) {
            let view = View::new(&log, &s, epoch.bound, epoch.watermark_ms);
            let mut expected: BTreeMap<String, String> = view
                .ended()
                .iter()
                .map(|session| session.record(&s.funnels))
                .map(|record| (record.key.clone(), record.line(State::Final)))
                .collect();
            for kind in Kind::RESULTS {
                for window_ms in
                    view.windows(kind).iter().filter(|(_, end_ms)| epoch.has_passed(*end_ms))
                {
                    expected.extend(
                        view.content(kind, *window_ms)
                            .into_iter()
                            .map(|record| (record.key.clone(), record.line(State::Final))),
                    );
                }
            }
            assert_eq!(
                without_state(&seen.results),
                without_state(&expected),
                "{seed} {}",
                epoch.number
            );
        }
    }
}
