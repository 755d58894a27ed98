//! Days, which have lengths of their own and are made from events and sessions.

use super::super::finals;
use super::random::random_log;
use super::tests::{CORRECTED, FINAL, PROVISIONAL, check, settings};
use super::*;

#[test]
fn days_from_provisional_to_frozen() {
    // Provisional records have their turn in epochs 0, 2 and 4, corrections in 0, 3 and 6.
    check(
        &[
            ("a", 7),
            ("b", 9),
            ("c", 12),
            ("d", 15),
            ("e", 25),
            ("f", 19),
            ("g", 30),
            ("h", 11),
            ("x", 95),
        ],
        "DAY_VISITORS|0|20000|",
        &[
            Some(("1", PROVISIONAL)),
            Some(("1", PROVISIONAL)),
            Some(("3", PROVISIONAL)),
            Some(("3", PROVISIONAL)),
            Some(("4", FINAL)),
            Some(("4", FINAL)),
            Some(("5", CORRECTED)),
            Some(("5", CORRECTED)),
            // Not the turn of corrections, but the watermark of 90 s freezes the day: 20 + 60 + 10.
            Some(("6", CORRECTED)),
            Some(("6", CORRECTED)),
        ],
    );
}

#[test]
fn all_days_that_have_begun_are_provisional() {
    let views = [("a", 19), ("b", 20), ("c", 22)];
    check(
        &views,
        "DAY_VISITORS|0|20000|",
        &[
            Some(("1", PROVISIONAL)),
            Some(("1", PROVISIONAL)),
            Some(("1", PROVISIONAL)),
            Some(("1", FINAL)),
        ],
    );
    check(
        &views,
        "DAY_VISITORS|20000|50000|",
        &[None, None, Some(("2", PROVISIONAL)), Some(("2", FINAL))],
    );
}

#[test]
fn days_change_with_their_sessions() {
    // The session of `a` ends at 60 s, and from epoch 3 on only at 116 s.
    check(
        &[("a", 0), ("x", 70), ("x", 71), ("a", 56), ("x", 72)],
        "DAY_SESSIONS|50000|900000|",
        &[None, None, Some(("1", PROVISIONAL)), Some(("1", PROVISIONAL)), None, Some(("2", FINAL))],
    );
    // When the day is final, the session of `a` moves into the next one.
    let views = [("a", 839), ("x", 906), ("a", 890), ("x", 907)];
    check(
        &views,
        "DAY_SESSIONS|50000|900000|",
        &[None, Some(("1", FINAL)), Some(("1", FINAL)), None, None],
    );
    check(
        &views,
        "DAY_VISITORS|50000|900000|",
        &[
            Some(("1", PROVISIONAL)),
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            Some(("2", CORRECTED)),
            Some(("2", CORRECTED)),
        ],
    );
    check(&views, "DAY_SESSIONS|900000|1100000|", &[None, None, None, None, Some(("2", FINAL))]);
}

#[test]
fn days_change_nothing_else() {
    let with = settings();
    let without = Settings { days: None, ..settings() };
    for seed in 0..20 {
        let log = random_log(seed, 60);
        let mut found = finals(&super::super::judge(&log, &with), &with).results;
        assert!(found.keys().any(|key| key.starts_with("DAY_")));
        found.retain(|key, _| !key.starts_with("DAY_"));
        assert_eq!(found, finals(&super::super::judge(&log, &without), &without).results);
    }
}
