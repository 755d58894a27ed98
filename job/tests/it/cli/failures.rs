//! What fails for good: exit code 1, and a message that names the file once,
//! with the reason and what to do.

use super::log::log;
use super::{Folder, lines};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;

#[test]
fn inputs_that_cannot_be_read_are_named() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder.jsonl")).expect("a folder");
    folder.put("good", &log(300));
    let check = |name: &str, reason: &str| {
        for from in [name.to_owned(), format!("good {name}")] {
            let line = format!("replay --from {from} --to r --final-only --summary json");
            let ran = folder.refused(&line, 1, &["error: ", name, reason]);
            assert!(!ran.stderr.contains("\"digest\""), "a summary of what failed: {}", ran.stderr);
        }
    };
    check("missing.jsonl", "No such file");
    check("missing.jsonl.gz", "No such file");
    check("folder.jsonl", "is a directory");
}

#[test]
fn damaged_files_are_named_with_what_to_do() {
    let folder = Folder::new();
    let whole = log(2_000);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&whole).expect("memory");
    let gzip = encoder.finish().expect("memory");
    // Without a checksum, damage within the data of a frame cannot be noticed.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.include_checksum(true).expect("an encoder");
    encoder.write_all(&whole).expect("memory");
    let zstandard = encoder.finish().expect("memory");
    let damaged = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0x55);
        bytes
    };
    let check = |name: &str, bytes: &[u8]| {
        folder.put(name, bytes);
        folder.refused(
            &format!("replay --from {name} --to none --summary json"),
            1,
            &["error: cannot read ", name, "gzip -t", "zstd -t"],
        );
    };
    check("truncated.gz", &gzip[..gzip.len() / 2]);
    check("without-its-end.gz", &gzip[..gzip.len() - 1]);
    check("damaged.gz", &damaged(&gzip));
    check("text.gz", &whole);
    check("more-after-zeros.gz", &[&gzip[..], &[0; 70_000], &gzip[..]].concat());
    check("text-after-its-end.gz", &[&gzip[..], b"text"].concat());
    check("truncated.zst", &zstandard[..zstandard.len() / 2]);
    check("without-its-end.zst", &zstandard[..zstandard.len() - 1]);
    check("damaged.zst", &damaged(&zstandard));
    check("text.zst", &whole);
}

#[test]
fn outputs_that_cannot_be_made_are_named() {
    let folder = Folder::new();
    folder.put("events", &log(300));
    for flag in ["--to", "--to none --alerts", "--to none --dead-letters"] {
        let line = format!("replay --from events {flag} no/such/folder");
        folder.refused(&line, 1, &["error: cannot write no/such/folder", "No such file"]);
    }
    folder.refused(
        "simulate --to no/such/folder",
        1,
        &["cannot create no/such/folder", "No such file"],
    );
}

/// Writes to a full disk: no hang, and the output and the reason are named.
fn check_full(folder: &Folder, line: &str) {
    assert!(Path::new("/dev/full").exists(), "this system has no full disk to write to");
    folder.refused(line, 1, &["error: ", "/dev/full", "No space left"]);
}

#[test]
fn a_full_disk_is_named() {
    let folder = Folder::new();
    folder.put("events", &log(2_000));
    for target in
        ["--to /dev/full", "--to none --alerts /dev/full", "--to none --dead-letters /dev/full"]
    {
        for flags in ["", " --final-only"] {
            check_full(&folder, &format!("replay --from events {target}{flags}"));
        }
    }
    check_full(&folder, "simulate --to /dev/full --events 3 --rate max");
    check_full(&folder, "simulate --to /dev/full --rate max");
    check_full(&folder, "simulate --to /dev/full --rate 100000");
}

#[test]
fn many_epochs_do_not_wait_for_a_full_disk() {
    let folder = Folder::new();
    folder.put("events", &log(3_000));
    for target in
        ["--to /dev/full", "--to none --alerts /dev/full", "--to none --dead-letters /dev/full"]
    {
        check_full(&folder, &format!("replay --from events {target} --epoch-records 1"));
    }
}

#[test]
fn a_reason_is_said_once() {
    let folder = Folder::new();
    folder.put("events", &log(300));
    let check = |line: &str, reason: &str| {
        let ran = folder.refused(line, 1, &[reason]);
        assert_eq!(ran.stderr.matches(reason).count(), 1, "{line}: {}", ran.stderr);
    };
    check("replay --from missing --to none", "No such file");
    check("replay --from events --to /dev/full", "No space left");
    check("simulate --to /dev/full --events 3 --rate max", "No space left");
    check("simulate --to no/such/folder", "No such file");
}

#[test]
fn what_was_published_before_a_failure_is_whole_lines() {
    let folder = Folder::new();
    folder.put("good", &log(2_000));
    folder.put("damaged.gz", b"not gzip");
    let parts = ["damaged.gz", "what is in r.partial is incomplete"];
    folder.refused("replay --from good damaged.gz --to r --epoch-records 100", 1, &parts);
    assert!(lines(&folder.get("r.partial")).len() > 100);
    assert!(!folder.path("r").exists(), "r is there, and incomplete");
}

#[test]
fn outputs_of_a_replay_that_fails_are_as_they_were() {
    let folder = Folder::new();
    folder.put("good", &log(300));
    folder.put("damaged.gz", b"not gzip");
    let outputs = ["r", "a", "d"];
    for name in outputs {
        folder.put(name, b"from before");
    }
    let check = |flags: &str, has_begun: bool| {
        let line = format!("replay --to r --dead-letters d {flags}");
        folder.refused(&line, 1, &["error: "]);
        for name in outputs {
            assert_eq!(folder.text(name), "from before", "{flags}: {name}");
        }
        let partial = folder.path("r.partial");
        assert_eq!(partial.exists(), has_begun, "{flags}");
        let _ = fs::remove_file(partial);
    };
    for flags in ["", " --final-only"] {
        check(&format!("--alerts a --from missing{flags}"), false);
        check(&format!("--alerts a --from good missing{flags}"), false);
        check(&format!("--alerts no/such/folder --from good{flags}"), false);
        check(&format!("--alerts a --from good damaged.gz{flags}"), true);
        check(&format!("--alerts /dev/full --from good{flags}"), true);
    }
}
