//! Input made to break things: it is counted, and nothing else happens.

use super::log::{Dice, START_MS, log, text, view};
use super::summary::summary;
use super::{Folder, lines};
use serde_json::Value;

/// Replays `log` and gives its summary, which has to balance.
fn replayed(folder: &Folder, flags: &str) -> Value {
    let summary =
        summary(&folder.done(&format!("replay --from events --to none --summary json {flags}")));
    let rejected: u64 =
        summary["deadLetters"].as_object().expect("a map").values().filter_map(Value::as_u64).sum();
    let count = |field: &str| summary[field].as_u64().expect(field);
    assert_eq!(count("read"), count("accepted") + rejected + count("duplicates"), "{summary}");
    summary
}

#[test]
fn random_bytes_are_no_events() {
    let mut dice = Dice(11);
    let mut record = || -> Vec<u8> {
        let length = dice.below(60);
        (0..length)
            .filter_map(|_| u8::try_from(dice.below(256)).ok().filter(|byte| *byte != b'\n'))
            .collect()
    };
    let records: Vec<_> = (0..100_000).map(|_| record()).collect();
    let folder = Folder::new();
    folder.put("events", &text(&records));
    let summary = replayed(&folder, "--dead-letters d");
    assert_eq!((&summary["read"], &summary["accepted"]), (&100_000.into(), &0.into()));
    assert_eq!(lines(&folder.get("d")).len(), 100_000);
}

#[test]
fn events_with_a_byte_changed_are_events_or_not() {
    let mut dice = Dice(13);
    let events = log(200);
    let events: Vec<_> = lines(&events).into_iter().filter(|line| !line.is_empty()).collect();
    let mut record = || {
        let mut record = events[dice.below(events.len())].to_vec();
        let at = dice.below(record.len());
        record[at] = u8::try_from(dice.below(255)).expect("a byte");
        record.into_iter().filter(|byte| *byte != b'\n').collect::<Vec<_>>()
    };
    let records: Vec<_> = (0..20_000).map(|_| record()).collect();
    let folder = Folder::new();
    folder.put("events", &text(&records));
    let summary = replayed(&folder, "--dead-letters d");
    assert_eq!(summary["read"], 20_000);
    for reason in ["not_utf8", "malformed", "missing_field"] {
        assert!(summary["deadLetters"][reason].as_u64() > Some(100), "{reason}: {summary}");
    }
    assert!(summary["accepted"].as_u64() > Some(1_000), "{summary}");
}

#[test]
fn a_record_of_ten_megabytes_is_taken_where_it_is_allowed() {
    let folder = Folder::new();
    let huge = format!("{{\"x\":\"{}\",{}", "é".repeat(5_000_000), &view("u", START_MS)[1..]);
    let lines = [view("u", START_MS), huge, view("u", START_MS)];
    folder.put("events", &text(&lines));
    folder.put("large.toml", b"[input]\nmax_bytes = 11000000\n");
    let check = |flags: &str, accepted: u32, oversize: u32| {
        let summary = replayed(&folder, flags);
        let found = (&summary["accepted"], &summary["deadLetters"]["oversize"]);
        assert_eq!(found, (&accepted.into(), &oversize.into()), "{flags}");
    };
    check("", 2, 1);
    check("--config large.toml", 3, 0);
}

#[test]
fn nesting_has_no_depth_that_hurts() {
    const DEPTH: usize = 100_000;
    let folder = Folder::new();
    let check = |part: &str, field: &str, expected: u32| {
        let event = view("u", START_MS);
        folder.put(
            "events",
            format!("{}{part}}}\n", event.strip_suffix('}').expect("an object")).as_bytes(),
        );
        let summary = replayed(&folder, "");
        let found = summary.pointer(field).unwrap_or_else(|| panic!("{field}"));
        assert_eq!(*found, expected, "{field} of {}…", &part[..30]);
    };
    let lists = ["[".repeat(DEPTH), "]".repeat(DEPTH)];
    let objects = ["{\"a\":".repeat(DEPTH), format!("1{}", "}".repeat(DEPTH))];
    for [open, close] in [lists, objects] {
        check(&format!(",\"ignored\":{open}{close}"), "/accepted", 1);
        check(&format!(",\"ignored\":{open}"), "/deadLetters/malformed", 1);
        check(&format!(",\"ignored\":{open}{close}]"), "/deadLetters/malformed", 1);
        check(&format!(",\"sessionData\":{{\"country\":{open}{close}}}"), "/badLeaves", 1);
        check(&format!(",\"sessionData\":{{\"country\":{open}{close}}}"), "/accepted", 1);
        check(&format!(",\"sessionId\":{open}{close}"), "/deadLetters/wrong_type", 1);
    }
}

#[test]
fn times_at_the_ends_of_the_range_are_taken() {
    let folder = Folder::new();
    let lines = [
        view("u", 0),
        view("u", 253_402_300_799_999),
        view("v", 253_402_300_799_999),
        view("v", 0),
    ];
    folder.put("events", &text(&lines));
    let summary = replayed(&folder, "--partitions 1 --lateness 366d");
    assert_eq!((&summary["accepted"], &summary["deadLetters"]["late"]), (&3.into(), &1.into()));
}
