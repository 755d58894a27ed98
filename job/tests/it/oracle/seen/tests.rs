//! Tiny logs whose publications are counted by hand.

use super::super::example::{event, page_view};
use super::super::{Days, judge};
use super::*;

const PACE: Pace = Pace { provisional: true, provisional_epochs: 2, correction_epochs: 3 };
pub(super) const PROVISIONAL: &str = "provisional";
pub(super) const FINAL: &str = "final";
pub(super) const CORRECTED: &str = "corrected";

/// One partition, 5 s of disorder, 10 s of lateness, a gap of 60 s, days as short as that.
pub(super) fn settings() -> Settings {
    let starts_s = [0, 20, 50, 900, 1_100, 1_160, 1_500, 2_200, 4_000];
    Settings {
        partitions: 1,
        lateness_ms: 10_000,
        session_gap_ms: 60_000,
        days: Some(Days { starts_ms: starts_s.map(|start_s| start_s * 1_000).to_vec() }),
        ..Settings::default()
    }
}

/// One page view an epoch, by user and time in s; an empty user stands for an epoch without one.
pub(super) fn check(views: &[(&str, i64)], key: &str, expected: &[Option<(&str, &str)>]) {
    let bound: Vec<_> = views
        .iter()
        .filter(|(user, _)| !user.is_empty())
        .map(|(user, at_s)| page_view(user, at_s * 1000, "/"))
        .collect();
    let cuts: Vec<usize> = views
        .iter()
        .scan(0, |bound, (user, _)| {
            *bound += usize::from(!user.is_empty());
            Some(*bound)
        })
        .collect();
    let s = settings();
    let all = seen_all(&judge(&bound, &s), &cuts, PACE, &s);
    let found: Vec<Option<(String, String)>> = all
        .iter()
        .map(|seen| seen.results.get(key).map(|line| (number(line), state(line))))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|shown| shown.map(|(number, state)| (number.to_owned(), state.to_owned())))
        .collect();
    assert_eq!(found, expected, "{key}");
}

/// The `count` of a line, the `end` of a session in s, or else the `value`.
fn number(line: &str) -> String {
    let field = ["\"events\":", "\"count\":", "\"value\":"]
        .into_iter()
        .find_map(|name| line.split_once(name));
    let digits = field.unwrap().1.split(',').next().unwrap();
    digits.to_owned()
}

fn state(line: &str) -> String {
    line.rsplit('"').nth(1).unwrap().to_owned()
}

#[test]
fn tumbling_windows_from_provisional_to_frozen() {
    // Epochs 0, 3 and 6 have the turn of corrections; the watermark is 5 s behind.
    check(
        &[("a", 7), ("b", 9), ("c", 16), ("d", 8), ("e", 9), ("f", 25)],
        "ACTIVE_USERS|5000|10000|",
        &[
            Some(("1", PROVISIONAL)),
            Some(("2", PROVISIONAL)),
            Some(("2", FINAL)),
            Some(("3", CORRECTED)),
            Some(("3", CORRECTED)),
            // Not the turn of corrections, but the watermark of 20 s freezes the window.
            Some(("4", CORRECTED)),
            Some(("4", CORRECTED)),
        ],
    );
}

#[test]
fn windows_that_begin_after_m_show_nothing() {
    // M is the time of the last view: the window begins at it.
    check(
        &[("a", 9), ("b", 10)],
        "ACTIVE_USERS|10000|15000|",
        &[None, Some(("1", PROVISIONAL)), Some(("1", FINAL))],
    );
}

#[test]
fn what_first_appears_after_its_close_is_corrected() {
    check(
        &[("a", 16), ("", 0), ("b", 8), ("", 0)],
        "ACTIVE_USERS|5000|10000|",
        &[None, None, None, Some(("1", CORRECTED)), Some(("1", CORRECTED))],
    );
    // The window closes in the epoch in which the view is bound: final.
    check(
        &[("a", 14), ("b", 8), ("c", 16)],
        "ACTIVE_USERS|5000|10000|",
        &[None, Some(("1", PROVISIONAL)), Some(("1", FINAL)), Some(("1", FINAL))],
    );
}

#[test]
fn of_sliding_windows_one_is_refreshed() {
    // ACTIVE_USERS_5M: while M is in [10, 15) it is the window that ends at 15 s.
    check(
        &[("a", 9), ("b", 12), ("c", 15), ("d", 13), ("e", 21)],
        "ACTIVE_USERS_5M|10000|15000|",
        &[
            None,
            Some(("2", PROVISIONAL)),
            Some(("2", PROVISIONAL)),
            Some(("2", PROVISIONAL)),
            Some(("3", FINAL)),
            Some(("3", FINAL)),
        ],
    );
    // The business family has its turn in epochs 0, 2 and 4.
    check(
        &[("a", 9), ("b", 12), ("c", 15), ("d", 18), ("e", 21), ("f", 23), ("g", 26)],
        "CONVERSION_RATE|-40000|20000|",
        &[
            None,
            None,
            Some(("0", PROVISIONAL)),
            Some(("0", PROVISIONAL)),
            Some(("0", PROVISIONAL)),
            Some(("0", PROVISIONAL)),
            Some(("0", FINAL)),
            Some(("0", FINAL)),
        ],
    );
}

#[test]
fn sessions_end_at_once_and_are_corrected_in_turn() {
    // The session of `a` ends at 60 s; the watermark has passed that when it is greater.
    let views = [
        ("a", 0),
        ("x", 65),
        ("x", 66),
        ("a", 56),
        ("x", 67),
        ("x", 68),
        ("x", 121),
        ("x", 122),
        ("", 0),
        ("", 0),
    ];
    let key = "SESSION|0||session=a,user=a";
    // In epoch 3 it lives again and vanishes, for corrections have their turn; at 116 s it ends anew.
    check(
        &views,
        key,
        &[
            None,
            None,
            Some(("1", FINAL)),
            None,
            None,
            None,
            None,
            Some(("2", FINAL)),
            Some(("2", FINAL)),
            Some(("2", FINAL)),
            Some(("2", FINAL)),
        ],
    );
    // Bound one epoch later, it stands until epoch 6, and what it is then shown at once is final.
    let views =
        [("a", 0), ("x", 65), ("x", 66), ("", 0), ("a", 56), ("x", 67), ("x", 68), ("x", 122)];
    check(
        &views,
        key,
        &[
            None,
            None,
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            None,
            Some(("2", FINAL)),
            Some(("2", FINAL)),
        ],
    );
    let views = [("a", 0), ("x", 65), ("x", 66), ("", 0), ("a", 56), ("x", 122), ("", 0)];
    check(
        &views,
        key,
        &[
            None,
            None,
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            Some(("2", FINAL)),
            Some(("2", FINAL)),
            Some(("2", FINAL)),
        ],
    );
}

#[test]
fn sessions_that_are_new_but_old_are_corrected() {
    // Late, a session of `b` at 0 s that ended at 60 s: bound in epoch 1, shown in epoch 3.
    check(
        &[("a", 70), ("b", 0), ("", 0), ("", 0)],
        "SESSION|0||session=b,user=b",
        &[None, None, None, Some(("1", CORRECTED)), Some(("1", CORRECTED))],
    );
    // And where there is no further turn, at the end of time.
    check(
        &[("a", 70), ("b", 0)],
        "SESSION|0||session=b,user=b",
        &[None, None, Some(("1", CORRECTED))],
    );
}

#[test]
fn windows_of_sessions_stay_open_for_the_gap() {
    // Both sessions end in [60, 65); the window is frozen at 65 + 60 + 10 s.
    check(
        &[("a", 0), ("x", 70), ("b", 1), ("x", 71), ("", 0)],
        "BOUNCE_RATE|60000|65000|",
        &[
            None,
            Some(("1", FINAL)),
            Some(("1", FINAL)),
            Some(("2", CORRECTED)),
            Some(("2", CORRECTED)),
            Some(("2", CORRECTED)),
        ],
    );
    // When the second view takes the session away, the window has nothing to say.
    check(
        &[("a", 0), ("x", 70), ("a", 50), ("", 0)],
        "BOUNCE_RATE|60000|65000|",
        &[None, Some(("1", FINAL)), Some(("1", FINAL)), None, None],
    );
}

#[test]
fn alerts_fire_at_the_close_and_are_taken_back_in_turn() {
    let s = settings();
    let check = |times_s: &[i64], expected: &[usize]| {
        let values: Vec<_> = times_s.iter().map(|at_s| page_view("a", at_s * 1000, "/")).collect();
        let cuts: Vec<usize> = (1..=values.len()).collect();
        let all = seen_all(&judge(&values, &s), &cuts, PACE, &s);
        let first_window = |seen: &Seen| {
            seen.alerts.values().filter(|line| line.contains(r#""windowStart":0,"#)).count()
        };
        assert_eq!(all.iter().map(first_window).collect::<Vec<_>>(), expected, "{times_s:?}");
    };
    check(&[0, 304, 305, 306, 307], &[0, 0, 1, 1, 1, 1]);
    check(&[0, 305, 299, 306, 307], &[0, 1, 1, 0, 0, 0]);
    // The second view is bound in epoch 4; at 315 s, in epoch 5, the window is frozen.
    check(&[0, 305, 305, 305, 299, 315], &[0, 1, 1, 1, 1, 0, 0]);
}

#[test]
fn nothing_is_seen_before_all_partitions_have_a_watermark() {
    let s = Settings { partitions: 2, ..settings() };
    let judged = judge(
        &[
            page_view("a", 7_000, "/"),
            event("a", 900_000, "SESSION_END", ""),
            page_view("b", 8_000, "/"),
        ],
        &s,
    );
    let all = seen_all(&judged, &[0, 1, 2, 3], PACE, &s);
    assert_eq!(all[2], Seen::default());
    assert!(all[3].results.contains_key("ACTIVE_USERS|5000|10000|"));
    assert_eq!(seen_at(&judged, &[0, 1, 2, 3], 3, PACE, &s), all[3]);
}
