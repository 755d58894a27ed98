//! `run`: it goes on until it is asked to end, and loses nothing.

use super::{Folder, Ran, ended, signal};
use std::io::{BufRead, BufReader, Read};
use std::thread;
use std::time::Duration;

/// Runs until so long after the first line of numbers, then asks it to end.
fn run_for(folder: &Folder, line: &str, more: Duration) -> Ran {
    let mut child = folder.command(&format!("{line} --listen 127.0.0.1:0")).spawn().expect(line);
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect(line);
    assert!(first.ends_with(" events/s\n"), "{line}: {first}");
    // Not for another process: for the length of the run.
    thread::sleep(more);
    signal(child.id(), "TERM");
    let rest = thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
    let ran = ended(child, line);
    rest.join().expect("no panic").expect("whole output");
    assert_eq!(ran.code, Some(0), "{line}: {}", ran.stderr);
    ran
}

/// The records that a run says it has read, when it says that all were accepted.
fn accepted(ran: &Ran) -> u64 {
    let closing = ran.stderr.lines().last().expect("a closing line");
    let words: Vec<&str> = closing.split(' ').collect();
    assert_eq!(
        closing,
        format!("read {0} records: {0} accepted, 0 rejected, 0 duplicates", words[1])
    );
    words[1].parse().expect("a number")
}

#[test]
fn a_signal_ends_it_with_its_counts() {
    let folder = Folder::new();
    let ran = run_for(&folder, "run --rate 500", Duration::ZERO);
    assert!(ran.stderr.starts_with("simulating a shop with 500 events a second"), "{}", ran.stderr);
    assert!(accepted(&ran) > 100, "{}", ran.stderr);
}

#[test]
fn without_a_limit_nothing_is_lost() {
    let folder = Folder::new();
    let ran = run_for(&folder, "run --rate max", Duration::from_secs(2));
    assert!(accepted(&ran) > 1_000, "{}", ran.stderr);
}

#[test]
fn more_than_can_be_processed_waits() {
    let folder = Folder::new();
    let ran = run_for(&folder, "run --rate 400000 --workers 1", Duration::from_millis(1_500));
    assert!(accepted(&ran) > 1_000, "{}", ran.stderr);
}

#[test]
fn whoever_has_seen_enough_may_go() {
    let folder = Folder::new();
    let mut child = folder.command("run --listen 127.0.0.1:0").spawn().expect("a run");
    drop(child.stdout.take());
    let ran = ended(child, "run");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("error") && !ran.stderr.contains("ipe"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_is_named() {
    let folder = Folder::new();
    let full = std::fs::File::create("/dev/full").expect("a full disk");
    let child = folder.command("run --listen 127.0.0.1:0").stdout(full).spawn().expect("a run");
    let ran = ended(child, "run");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let parts = ["error: ", "standard output", "No space left"];
    assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
}

#[test]
fn without_a_stderr_it_runs_as_well() {
    let folder = Folder::new();
    let full = std::fs::File::create("/dev/full").expect("a full disk");
    let mut child = folder.command("run --listen 127.0.0.1:0").stderr(full).spawn().expect("a run");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut String::new()).expect("a line");
    signal(child.id(), "TERM");
    assert_eq!(ended(child, "run").code, Some(0));
}
