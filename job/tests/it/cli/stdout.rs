//! A reader of stdout that has seen enough ends the run quietly.

use super::{Folder, ended, log::log};
use std::io::{BufRead, BufReader};

/// Reads some lines and closes the pipe: exit code 0 and not a word about it.
fn check(folder: &Folder, line: &str, read_lines: usize) {
    let mut child = folder.command(line).spawn().expect(line);
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..read_lines {
        assert!(reader.read_line(&mut String::new()).expect(line) > 0, "{line}: too short");
    }
    drop(reader);
    let ran = ended(child, line);
    assert_eq!(ran.code, Some(0), "{line}: {}", ran.stderr);
    assert!(!ran.stderr.contains("error") && !ran.stderr.contains("ipe"), "{line}: {}", ran.stderr);
}

#[test]
fn whoever_has_seen_enough_may_go() {
    let folder = Folder::new();
    folder.put("events", &log(3_000));
    check(&folder, "simulate --to - --rate max", 1);
    check(&folder, "simulate --to - --rate 100000", 10);
    check(&folder, "replay --from events --to - --final-only", 1);
    check(&folder, "completions zsh", 1);
    check(&folder, "config", 0);
}

#[test]
fn the_changes_of_many_epochs_do_not_wait_for_a_reader_who_has_gone() {
    let folder = Folder::new();
    folder.put("events", &log(3_000));
    for epoch_records in [1, 7, 10_000] {
        check(&folder, &format!("replay --from events --to - --epoch-records {epoch_records}"), 1);
    }
}
