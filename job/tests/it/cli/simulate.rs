//! `simulate`: what it writes is what was asked for, and the decoder agrees with
//! it about what is broken.

use super::log::START_MS;
use super::summary::summary;
use super::{Folder, lines};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use streamgauge_simulator::{Breakage, Condition, Emitted, Generator, Options};

/// So many events from the start of the tests' time.
fn options(events: u64) -> Options {
    Options { events: Some(events), start_ms: START_MS, ..Options::default() }
}

fn generated(options: Options) -> (Vec<Emitted>, Vec<u8>) {
    let mut generator = Generator::new(options).expect("valid options");
    let (mut emitted, mut text) = (Vec::new(), Vec::new());
    while let Some(event) = generator.next_event(&mut text) {
        emitted.push(event);
        text.push(b'\n');
    }
    (emitted, text)
}

#[test]
fn the_events_are_those_of_the_options() {
    let folder = Folder::new();
    let check = |flags: &str, expected: Options| {
        let line = format!("simulate --to - --start {START_MS} {flags}");
        let ran = folder.done(&line);
        let (events, text) = generated(expected);
        assert!(ran.stdout == text, "{line}: {} lines", lines(&ran.stdout).len());
        let closing = format!("wrote {} events, {} bytes, in ", events.len(), text.len());
        assert!(ran.stderr.starts_with(&closing), "{closing}: {}", ran.stderr);
    };
    check("--events 2000 --rate max", options(2_000));
    check("--events 0", options(0));
    check("--events 1 --rate max --seed 9", Options { seed: 9, ..options(1) });
    check(
        "--events 500 --rate max --disorder 100 --late-share 0.1 --duplicate-share 0.2 --malformed-share 0.3",
        Options {
            disorder_ms: 100,
            late_share: 0.1,
            duplicate_share: 0.2,
            malformed_share: 0.3,
            ..options(500)
        },
    );
    // Paced, the same events as without waiting.
    let fast = Options { rate: 100_000.0, disorder_ms: 0, users: 50, skew: 0.5, ..options(20_000) };
    check("--events 20000 --rate 100000 --disorder 0ms --users 50 --skew 0.5", fast);
}

#[test]
fn files_are_packed_as_their_names_say() {
    let folder = Folder::new();
    let (_, expected) = generated(options(3_000));
    let check = |name: &str, read: fn(Vec<u8>) -> Vec<u8>| {
        let line = format!("simulate --to {name} --start {START_MS} --events 3000 --rate max");
        assert_eq!(folder.done(&line).stdout, b"");
        assert!(read(folder.get(name)) == expected, "{name}");
    };
    check("events.jsonl", |stored| stored);
    check("./-", |stored| stored);
    check("events.jsonl.zst", |stored| zstd::decode_all(&stored[..]).expect("zstd"));
    check("events.jsonl.gz", |stored| {
        let mut text = Vec::new();
        GzDecoder::new(&stored[..]).read_to_end(&mut text).expect("gzip");
        text
    });
}

#[test]
fn it_begins_now_to_the_second() {
    let folder = Folder::new();
    let first = |line: &str| -> Value {
        let ran = folder.done(line);
        serde_json::from_slice(lines(&ran.stdout)[0]).expect("JSON")
    };
    // The same seed, so the first event is as long after either beginning.
    let flags = "simulate --to - --events 1 --rate max --disorder 0";
    let timestamp_ms = |event: &Value| event["timestamp"].as_i64().expect("a time");
    let after_ms = timestamp_ms(&first(&format!("{flags} --start 1000"))) - 1_000;
    let start_ms = timestamp_ms(&first(flags)) - after_ms;
    assert_eq!(start_ms % 1_000, 0);
    // No clock is right to the hour, and none is decades off.
    assert!(start_ms > START_MS, "{start_ms}");
    let rfc = first(&format!("{flags} --start 2023-12-21T00:00:00Z"));
    assert_eq!(timestamp_ms(&rfc) - after_ms, 1_703_116_800_000);
}

#[test]
fn targets_are_a_file_or_stdout() {
    let folder = Folder::new();
    let parts = ["the target is a file, `-` for stdout, or `log`", "`./none`"];
    folder.refused("simulate --to none", 2, &parts);
    folder.refused("simulate --to - --start 9999-01-01T00:00:00Z", 2, &["--start", "year 9000"]);
    folder.refused(
        "simulate --to - --rate 0",
        2,
        &["simulator.rate", "--rate", "`0`", "nearest valid value is `1`"],
    );
}

/// The reasons of which one applies to a record that is broken so. A record cut
/// off inside a character is no UTF-8, elsewhere no JSON.
fn reasons(breakage: Breakage) -> &'static str {
    match breakage {
        Breakage::Empty => "empty",
        Breakage::CutOff
        | Breakage::NotUtf8
        | Breakage::NotAnObject
        | Breakage::Trailing
        | Breakage::FieldTwice
        | Breakage::HalfPair => "not_utf8 or malformed",
        Breakage::TimestampText | Breakage::ObjectIsList => "wrong_type",
        Breakage::NoTimestamp | Breakage::TypeNull | Breakage::NoIdentity => "missing_field",
        Breakage::BeforeTime | Breakage::AfterTime => "bad_value",
    }
}

#[test]
fn the_decoder_rejects_what_is_broken_and_nothing_else() {
    let folder = Folder::new();
    let check = |flags: &str, options: Options, dedup: &str| {
        folder.done(&format!("simulate --to events --start {START_MS} --rate max {flags}"));
        let ran =
            folder.done(&format!("replay --from events --to none --summary json --dedup {dedup}"));
        let summary = summary(&ran);
        let (events, _) = generated(options);
        let mut broken: BTreeMap<&str, u64> = BTreeMap::new();
        let mut copies = 0_u64;
        for event in &events {
            match event.condition {
                Condition::Malformed(breakage) => {
                    *broken.entry(reasons(breakage)).or_default() += 1
                }
                Condition::Duplicate => copies += 1,
                Condition::Whole => {}
            }
        }
        let rejected = summary["deadLetters"].as_object().expect("a map").iter();
        let mut found: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, count) in rejected.filter(|(reason, _)| *reason != "late") {
            let reason = match reason.as_str() {
                "not_utf8" | "malformed" => "not_utf8 or malformed",
                other => other,
            };
            *found.entry(reason).or_default() += count.as_u64().expect("a count");
        }
        found.retain(|_, count| *count > 0);
        assert_eq!(found, broken, "{flags}");
        assert_eq!(summary["read"], events.len(), "{flags}");
        assert_eq!(summary["duplicates"], if dedup == "on" { copies } else { 0 }, "{flags}");
        assert_eq!(
            (&summary["badLeaves"], &summary["unknownTypes"]),
            (&0.into(), &0.into()),
            "{flags}"
        );
        summary
    };
    let all = Options { malformed_share: 0.3, duplicate_share: 0.1, ..options(20_000) };
    let flags = "--events 20000 --malformed-share 0.3 --duplicate-share 0.1";
    for dedup in ["off", "on"] {
        let summary = check(flags, all.clone(), dedup);
        assert_eq!(
            (&summary["deadLetters"]["late"], &summary["partlyLate"]),
            (&0.into(), &0.into())
        );
    }
    let nothing_whole = Options { malformed_share: 1.0, ..options(5_000) };
    let summary = check("--events 5000 --malformed-share 1", nothing_whole, "off");
    assert_eq!(summary["accepted"], 0);
}

#[test]
fn what_is_held_back_is_late() {
    let folder = Folder::new();
    let late = |share: &str| {
        // 100,000 events at 200 a second are 500 s, so the lateness is cut to fit.
        folder
            .done(&format!("simulate --to events --rate max --events 100000 --late-share {share}"));
        let ran = folder.done("replay --from events --to none --summary json --lateness 1m");
        summary(&ran)["late"]["real_time"].as_u64().expect("a count")
    };
    assert_eq!(late("0"), 0);
    assert!(late("0.05") > 100);
}
