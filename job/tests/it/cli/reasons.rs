//! Every reason to reject a record, by examples, as the dead letters tell it.

use super::log::{START_MS, text, view};
use super::{Folder, objects};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// An event with these fields besides, and a comma before them.
fn event(more: &str) -> Vec<u8> {
    format!("{{\"timestamp\":{START_MS},\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"{more}}}")
        .into_bytes()
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// Each record with its reason; `""` is none.
fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let long = format!(",\"x\":\"{}\"", "x".repeat(1 << 20));
    vec![
        ("", event("")),
        ("empty", bytes("")),
        ("oversize", event(&long)),
        ("oversize", vec![0xff; (1 << 20) + 1]),
        ("malformed", vec![b'x'; 1 << 20]),
        ("not_utf8", [event("").as_slice(), b"\xff"].concat()),
        ("not_utf8", bytes("{\"").into_iter().chain([0xc3]).collect()),
        ("malformed", bytes(" ")),
        ("malformed", [b"\xef\xbb\xbf", event("").as_slice()].concat()),
        ("malformed", bytes("[]")),
        ("malformed", bytes("{\"timestamp\":1")),
        ("malformed", [event(""), event("")].concat()),
        ("malformed", event(",\"userId\":\"u\"")),
        ("malformed", event(",\"sessionId\":\"\\ud83d\"")),
        ("malformed", event(",\"eventId\":\"a\tb\"")),
        ("malformed", event(",\"sessionId\":1,}")),
        ("wrong_type", event(",\"sessionId\":1")),
        ("wrong_type", event(",\"pageViewData\":[]")),
        ("wrong_type", bytes("{\"timestamp\":1.0,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}")),
        (
            "wrong_type",
            bytes(
                "{\"timestamp\":9223372036854775808,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}",
            ),
        ),
        ("missing_field", bytes("{}")),
        (
            "missing_field",
            bytes("{\"timestamp\":null,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}"),
        ),
        ("missing_field", bytes("{\"timestamp\":1,\"eventType\":\"\",\"userId\":\"u\"}")),
        (
            "missing_field",
            bytes(
                "{\"timestamp\":1,\"eventType\":\"PAGE_VIEW\",\"userId\":\"\",\"sessionId\":null}",
            ),
        ),
        ("bad_value", bytes("{\"timestamp\":-1,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}")),
        (
            "bad_value",
            bytes("{\"timestamp\":253402300800000,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}"),
        ),
        ("late", bytes("{\"timestamp\":0,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}")),
        // What is odd but no reason.
        ("", event(",\"x\":\"\\ud83d\",\"title\":1e999,\"ipAddress\":[[[]]]")),
        ("", event(",\"sessionData\":{\"country\":1},\"conversionData\":{\"value\":\"1\"}")),
        ("", bytes(&format!("\t{}  ", view("u", START_MS)))),
        (
            "",
            bytes(
                "{\"timestamp\":1703116800000,\"\\u0065ventType\":\"SWIPE\",\"sessionId\":\"s\"}",
            ),
        ),
    ]
}

#[test]
fn each_reason_applies_where_it_should() {
    let folder = Folder::new();
    let examples = examples();
    let lines: Vec<_> = examples.iter().map(|(_, record)| record).collect();
    folder.put("events", &text(&lines));
    folder.done("replay --from events --to none --dead-letters d --partitions 1");
    let letters = objects(&folder.get("d"));
    let mut letters = letters.iter();
    for (offset, (reason, record)) in
        examples.iter().enumerate().filter(|(_, (reason, _))| !reason.is_empty())
    {
        let letter = letters.next().expect(reason);
        assert_eq!(
            (&letter["offset"], &letter["reason"]),
            (&json!(offset), &json!(reason)),
            "{letter}"
        );
        assert_eq!(letter["hash"], format!("{:016x}", xxh3_64(record)), "{letter}");
        assert!(letter["detail"].is_string() && letter.get("epoch").is_none(), "{letter}");
        assert_eq!(letter.get("families").is_some(), *reason == "late", "{letter}");
        check_head(letter, record);
    }
    assert_eq!(letters.next(), None);
}

fn check_head(letter: &Value, record: &[u8]) {
    let head = &record[..record.len().min(256)];
    match std::str::from_utf8(head) {
        Ok(head) => assert_eq!(letter["head"], head, "{letter}"),
        Err(_) => {
            assert!(letter["headBase64"].is_string() && letter.get("head").is_none(), "{letter}")
        }
    }
}

#[test]
fn late_letters_name_the_families() {
    let folder = Folder::new();
    let check = |behind_ms: i64, expected: Value| {
        // The start is the beginning of a slice in every family.
        let lines = [view("u", START_MS + behind_ms), view("u", START_MS)];
        folder.put("events", &text(&lines));
        folder.done("replay --from events --to none --dead-letters d --partitions 1");
        let letters = objects(&folder.get("d"));
        let families: Value = letters.iter().map(|letter| letter["families"].clone()).collect();
        assert_eq!(families, expected, "{behind_ms} ms behind");
    };
    // The slice's length, the lateness and the disorder have to be over.
    check(5_000 + 600_000 + 4_999, json!([]));
    check(5_000 + 600_000 + 5_000, json!([["real_time"]]));
    check(10_000 + 600_000 + 5_000, json!([["real_time", "business"]]));
    check(300_000 + 600_000 + 4_999, json!([["real_time", "business"]]));
    check(300_000 + 600_000 + 5_000, json!([["real_time", "business", "alerts"]]));
    check(1_800_000 + 600_000 + 4_999, json!([["real_time", "business", "alerts"]]));
    check(1_800_000 + 600_000 + 5_000, json!([["real_time", "business", "alerts", "session"]]));
}
