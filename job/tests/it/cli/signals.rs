//! SIGTERM: the first finishes what was begun, the second ends at once.

use super::log::{START_MS, log};
use super::summary::summary;
use super::{Folder, LIMIT, ended, lines, objects, signal};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_simulator::{Generator, Options};

/// What the simulator makes of these options, as lines.
fn generated(options: Options, events: usize) -> Vec<u8> {
    let mut generator = Generator::new(options).expect("valid options");
    let mut text = Vec::new();
    for _ in 0..events {
        generator.next_event(&mut text).expect("no end");
        text.push(b'\n');
    }
    text
}

#[test]
fn a_replay_of_what_never_ends_is_drained() {
    let folder = Folder::new();
    let mut source = folder.command("simulate --to - --rate max").spawn().expect("a simulation");
    let line = "replay --from /dev/stdin --to - --summary json";
    let input = source.stdout.take().expect("a pipe");
    let mut replay = folder.command(line).stdin(input).spawn().expect(line);
    let mut reader = BufReader::new(replay.stdout.take().expect("a pipe"));
    let mut results = Vec::new();
    reader.read_until(b'\n', &mut results).expect("a result");
    signal(replay.id(), "TERM");
    // Without a limit of its own: the replay's end is watched below.
    let rest = thread::spawn(move || reader.read_to_end(&mut results).map(|_| results));
    let ran = ended(replay, line);
    let results = rest.join().expect("no panic").expect("whole output");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("interrupted"), "{}", ran.stderr);
    assert_eq!(ended(source, "simulate").code, Some(0), "its reader has gone");
    // Everything that was read has become final, and all of it is there.
    let summary = summary(&ran);
    assert!(summary["read"].as_u64() > Some(0));
    assert_eq!(summary["read"], summary["accepted"]);
    assert_eq!(summary["interrupted"], true);
    assert!(ran.stderr.contains("only the part of the input"), "{}", ran.stderr);
    let mut views: BTreeMap<String, u64> = BTreeMap::new();
    for result in objects(&results).iter().filter(|result| result["metricType"] == "ACTIVE_USERS") {
        if result["state"] != "provisional" {
            views.insert(
                result["windowStart"].to_string(),
                result["count"].as_u64().expect("a count"),
            );
        }
    }
    assert_eq!(summary["read"], views.values().sum::<u64>());
}

#[test]
fn a_replay_that_waits_for_input_is_drained() {
    let folder = Folder::new();
    let line = "replay --from /dev/stdin --to - --epoch-records 100";
    let mut command = folder.command(line);
    let mut replay = command.stdin(Stdio::piped()).spawn().expect(line);
    let mut input = replay.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || input.write_all(&log(3_000)).map(|()| input));
    let mut reader = BufReader::new(replay.stdout.take().expect("a pipe"));
    reader.read_line(&mut String::new()).expect("a result");
    let rest = thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    // Open until the end of the test, and silent.
    let input = writer.join().expect("no panic").expect("it is read");
    signal(replay.id(), "TERM");
    assert_eq!(ended(replay, line).code, Some(0));
    rest.join().expect("no panic").expect("whole output");
    drop(input);
}

#[test]
fn a_simulation_is_finished_as_after_its_last_event() {
    let folder = Folder::new();
    let check = |name: &str, read: fn(Vec<u8>) -> Vec<u8>| {
        let line = format!("simulate --to {name} --rate 2000 --disorder 0 --start {START_MS}");
        let simulation = folder.command(&line).spawn().expect(&line);
        // Something is in the file, so the signal is already listened for.
        let begun = Instant::now();
        while fs::metadata(folder.path(name)).map_or(0, |file| file.len()) == 0 {
            assert!(begun.elapsed() < LIMIT, "{line}: nothing is written");
            thread::yield_now();
        }
        signal(simulation.id(), "TERM");
        let ran = ended(simulation, &line);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let found = read(folder.get(name));
        let events = lines(&found).len();
        assert!(events > 0, "{line}");
        let options =
            Options { rate: 2_000.0, disorder_ms: 0, start_ms: START_MS, ..Options::default() };
        assert!(
            generated(options, events) == found,
            "{name} is not the beginning of the simulation"
        );
        let closing = format!("interrupted: wrote {events} events, {} bytes, in ", found.len());
        assert!(ran.stderr.contains(&closing), "{closing}: {}", ran.stderr);
    };
    check("events.jsonl", |stored| stored);
    check("events.jsonl.gz", |stored| {
        let mut text = Vec::new();
        GzDecoder::new(&stored[..]).read_to_end(&mut text).expect("a whole gzip file");
        text
    });
    check("events.jsonl.zst", |stored| zstd::decode_all(&stored[..]).expect("a whole zstd file"));
}

/// Signals until the process has ended, and gives its exit code.
fn insist(child: Child, line: &str) -> Option<i32> {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    let line = line.to_owned();
    thread::spawn(move || sender.send(ended(child, &line).code));
    loop {
        signal(id, "TERM");
        // Signals that come too fast are one signal.
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(code) => return code,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("two signals do not end it"),
        }
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = Folder::new();
    folder.put("events", &log(3_000));
    // Nobody reads the output, so that the first signal cannot be obeyed.
    for line in ["simulate --to - --rate max", "replay --from events --to -"] {
        let mut child = folder.command(line).spawn().expect(line);
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut [0]).expect("it has begun");
        assert_eq!(insist(child, line), Some(130), "{line}");
        drop(stdout);
    }
}
