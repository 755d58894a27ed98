//! The same records in other clothes: several files, compressed, other line ends.

use super::log::{START_MS, log, text, view};
use super::{Folder, objects};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

/// Results, alerts and dead letters of a replay.
fn outputs(folder: &Folder, from: &str) -> [Vec<u8>; 3] {
    folder.done(&format!("replay --from {from} --to r --alerts a --dead-letters d --final-only"));
    ["r", "a", "d"].map(|name| folder.get(name))
}

#[test]
fn files_are_read_as_one() {
    let folder = Folder::new();
    let whole = log(1_500);
    folder.put("whole", &whole);
    let expected = outputs(&folder, "whole");
    assert!(expected.iter().all(|file| file.len() > 1_000));
    // Cut after line ends, about a third and two thirds on.
    let after =
        |at: usize| at + 1 + whole[at..].iter().position(|byte| *byte == b'\n').expect("a line");
    let (first, second) = (after(whole.len() / 3), after(whole.len() * 2 / 3));
    let parts = [&whole[..first], &whole[first..second], &whole[second..]];
    folder.put("1.jsonl", parts[0]);
    folder.put("2.jsonl.gz", &gzip(parts[1]));
    folder.put("3.jsonl.zst", &zstandard(parts[2]));
    folder.put("empty", b"");
    folder.put("whole.GZ", &gzip(&whole));
    folder.put("whole.zst", &zstandard(&whole));
    // One file may be of several streams, cut anywhere.
    folder.put("joined.gz", &[gzip(&whole[..first + 7]), gzip(&whole[first + 7..])].concat());
    folder.put(
        "joined.zst",
        &[zstandard(&whole[..second + 7]), zstandard(&whole[second + 7..])].concat(),
    );
    // Zeros fill a last block up, as on a tape.
    folder.put("padded.gz", &[gzip(&whole), vec![0; 200_000]].concat());
    let check = |from: &str| {
        assert!(outputs(&folder, from) == expected, "{from} differs from the whole");
    };
    check("1.jsonl 2.jsonl.gz 3.jsonl.zst");
    check("empty 1.jsonl empty 2.jsonl.gz 3.jsonl.zst empty");
    check("1.jsonl --from 2.jsonl.gz --from 3.jsonl.zst");
    check("whole.GZ");
    check("whole.zst");
    check("joined.gz");
    check("padded.gz");
    check("joined.zst");
}

#[test]
fn the_order_of_files_is_that_of_the_flags() {
    let folder = Folder::new();
    folder.put("early", &text(&[view("u", START_MS)]));
    folder.put("late", &text(&[view("u", START_MS + 7_200_000)]));
    let rejected = |from: &str| objects(&outputs(&folder, &format!("{from} --workers 2"))[2]).len();
    assert_eq!(rejected("early late"), 0);
    assert_eq!(rejected("late early"), 1);
}

#[test]
fn line_ends_do_not_show() {
    let folder = Folder::new();
    let plain = log(1_000);
    folder.put("plain", &plain);
    let expected = outputs(&folder, "plain");
    let windows = String::from_utf8(plain.clone()).expect("text").replace('\n', "\r\n");
    folder.put("windows", windows.as_bytes());
    folder.put("unfinished", plain.strip_suffix(b"\n").expect("a line end"));
    folder.put("unfinished-windows", windows.strip_suffix("\r\n").expect("a line end").as_bytes());
    for name in ["windows", "unfinished", "unfinished-windows"] {
        assert!(outputs(&folder, name) == expected, "{name} differs");
    }
}

#[test]
fn empty_lines_are_records() {
    let folder = Folder::new();
    let check = |bytes: &[u8], expected: &[(u64, &str)]| {
        folder.put("events", bytes);
        let letters = objects(&outputs(&folder, "events --partitions 1")[2]);
        let place = |letter: &Value| {
            let reason = letter["reason"].as_str().expect("a reason").to_owned();
            (letter["offset"].as_u64().expect("an offset"), reason)
        };
        let found: Vec<_> = letters.iter().map(place).collect();
        let expected: Vec<_> =
            expected.iter().map(|(at, reason)| (*at, (*reason).to_owned())).collect();
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(bytes));
    };
    let event = view("u", START_MS);
    check(b"", &[]);
    check(b"\n", &[(0, "empty")]);
    check(b"\r\n", &[(0, "empty")]);
    check(b"\n\n\r\n", &[(0, "empty"), (1, "empty"), (2, "empty")]);
    check(b"\r", &[(0, "malformed")]);
    check(b"x", &[(0, "malformed")]);
    check(
        format!("\n{event}\n\nx\n{event}").as_bytes(),
        &[(0, "empty"), (2, "empty"), (3, "malformed")],
    );
    // A return is a blank in JSON, wherever it does not belong to the line end.
    check(format!("{event}\r\r\n{event}\r").as_bytes(), &[]);
}

#[test]
fn partitions_are_those_of_the_keys() {
    let folder = Folder::new();
    // hashCode of "a" is 97, of "b" 98; what has no key is in partition 0.
    let lines = [
        view("a", START_MS),
        "{}".into(),
        "x".into(),
        "{\"userId\":\"a\"}".into(),
        "{\"userId\":\"b\"}".into(),
    ];
    folder.put("events", &text(&lines));
    let letters = objects(&outputs(&folder, "events --partitions 10")[2]);
    let place = |letter: &Value| (letter["partition"].clone(), letter["offset"].clone());
    let found: Vec<_> = letters.iter().map(place).collect();
    let expected = [(0, 0), (0, 1), (7, 1), (8, 0)];
    assert_eq!(found, expected.map(|(partition, offset)| (partition.into(), offset.into())));
}
