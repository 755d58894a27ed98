//! Commands over a data directory: what goes in comes out, is looked at, and is served.

use super::{Folder, ended, signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

mod replayed;

const EVENTS: &str = "--events 3000 --rate max --start 2026-01-01T00:00:00Z --late-share 0.02 \
                      --malformed-share 0.02 --duplicate-share 0.01";

/// Runs a job over `d` until it has read everything, and ends it; it must say how much.
fn work_through(folder: &Folder, read: &str) {
    let line = "job --data-dir d --workers 2";
    let mut job = folder.command(line).spawn().expect(line);
    let until = Instant::now() + Duration::from_secs(60);
    // Every event is read within the first epochs; the checkpoint is made at the end.
    while !folder.path("d/results.db").exists() && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(1_500));
    signal(job.id(), "TERM");
    drop(job.stdout.take());
    let ran = ended(job, line);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(read), "{}", ran.stderr);
}

#[test]
fn what_a_job_leaves_can_be_looked_at() {
    let folder = Folder::new();
    folder.done(&format!("simulate --to log --data-dir d {EVENTS}"));
    work_through(&folder, "read 3");
    let text = |line: &str| String::from_utf8(folder.done(line).stdout).expect("text");
    let list = text("dlq list --data-dir d");
    assert!(list.contains("malformed") && list.lines().count() > 3, "{list}");
    let shown = text("dlq show --data-dir d --reason malformed --limit 3");
    assert!((1..=3).contains(&shown.lines().count()), "{shown}");
    assert!(shown.lines().all(|l| l.contains(r#""reason":"malformed""#) && l.contains("epoch")));
    folder.refused("dlq list --data-dir d --reason wrong", 1, &["wrong", "malformed"]);
    folder.refused("dlq list --data-dir nowhere", 1, &["nowhere", "--data-dir"]);
    let checkpoints = text("checkpoint list --data-dir d");
    let epoch = checkpoints.split(' ').next().expect("an epoch").to_owned();
    assert!(text("checkpoint verify --data-dir d").contains("ok, "), "{checkpoints}");
    assert!(text(&format!("checkpoint show {epoch} --data-dir d")).contains("users: "));
    // As it was bound: the same again, and what stands is what it was.
    folder.done("replay --from log --data-dir d --to again.jsonl --workers 1");
    assert!(folder.text("again.jsonl").contains(r#""state":"final""#));
    folder.refused(
        "replay --from log --data-dir d --lateness 1m --to none",
        1,
        &["other settings", "--rebind"],
    );
    // A file of it that is damaged is told, and the job says so, too.
    let data = folder.path(&format!("d/checkpoints/{epoch:0>20}.data"));
    std::fs::write(&data, b"damaged").expect("written");
    folder.refused("checkpoint verify --data-dir d", 1, &["cannot be used"]);
}

#[test]
fn one_job_at_a_time_and_settings_that_fit() {
    let folder = Folder::new();
    folder.done(&format!("simulate --to log --data-dir d {EVENTS}"));
    let line = "job --data-dir d";
    let mut first = folder.command(line).stderr(Stdio::piped()).spawn().expect(line);
    let mut stderr = BufReader::new(first.stderr.take().expect("a pipe"));
    stderr.read_line(&mut String::new()).expect("a line");
    folder.refused(line, 1, &["a job (process", "is at work in d", "--data-dir"]);
    thread::sleep(Duration::from_millis(1_500));
    signal(first.id(), "TERM");
    stderr.read_to_end(&mut Vec::new()).expect("the rest");
    assert!(first.wait().expect("an end").success());
    for (lateness, shown) in [("20m", "600000 is now 1200000"), ("1m", "600000 is now 60000")] {
        folder.put("other.toml", format!("[time]\nlateness = \"{lateness}\"\n").as_bytes());
        let parts = ["time.lateness cannot be changed", shown];
        folder.refused("job --data-dir d --config other.toml", 1, &parts);
    }
    let raw = rusqlite::Connection::open(folder.path("d/results.db")).expect("a file");
    raw.pragma_update(None, "user_version", 99).expect("a version");
    folder.refused(line, 1, &["results.db", "format 99", "newer version"]);
}

#[test]
fn an_access_log_becomes_events() {
    let folder = Folder::new();
    let log = concat!(
        r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 12 "-" "Mozilla/5.0""#,
        "\n",
        r#"192.0.2.1 - - [17/May/2015:10:05:04 +0000] "GET /style.css HTTP/1.1" 200 12 "-" "x""#,
        "\n",
        "what is this?\n",
    );
    folder.put("access.log", log.as_bytes());
    let ran = folder.done("import --format combined access.log --to -");
    let events = String::from_utf8(ran.stdout).expect("text");
    assert_eq!(events.lines().count(), 1, "{events}");
    assert!(events.contains(r#""url":"/a""#) && !events.contains("192.0.2.1"), "{events}");
    for part in ["read 3 lines: 1 events", "asset", "access.log:2", "malformed", "access.log:3"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    folder.done("import --format combined access.log --to log --data-dir d");
    let replayed = folder.done("replay --from log --data-dir d --to - --final-only");
    assert!(String::from_utf8_lossy(&replayed.stdout).contains("PAGE_VIEWS_PER_SECOND"));
}

#[test]
fn a_gateway_says_what_is_missing() {
    let folder = Folder::new();
    folder.done(&format!("simulate --to log --data-dir d {EVENTS}"));
    let line = "gateway --data-dir d --listen 127.0.0.1:0";
    let mut gateway = folder.command(line).spawn().expect(line);
    let mut stderr = BufReader::new(gateway.stderr.take().expect("a pipe"));
    let mut said = String::new();
    stderr.read_line(&mut said).expect("a line");
    let address = said.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
    let address = address.unwrap_or_else(|| panic!("no address: {said}")).to_owned();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(get("/healthz").starts_with("HTTP/1.1 200"));
    let ready = get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("heartbeat"), "{ready}");
    assert!(get("/").contains("<html"));
    signal(gateway.id(), "TERM");
    assert!(gateway.wait().expect("an end").success());
}

#[test]
fn what_was_rejected_is_mended_and_put_back() {
    let folder = Folder::new();
    folder.done(&format!("simulate --to log --data-dir d {EVENTS}"));
    work_through(&folder, "read 3");
    let summary = || {
        let ran = folder.done("replay --from log --data-dir d --rebind --summary json --to none");
        let last = ran.stderr.lines().last().expect("a line");
        serde_json::from_str::<serde_json::Value>(last).expect("JSON")
    };
    let before = summary();
    let malformed = before["deadLetters"]["malformed"].as_u64().expect("a number");
    assert!(malformed > 3, "{before}");

    let ran = folder.done("dlq replay --data-dir d --reason malformed --to bad.jsonl");
    assert!(ran.stderr.contains(&format!("{malformed} events were written to bad.jsonl")));
    assert!(ran.stderr.contains("dlq replay bad.jsonl"), "{}", ran.stderr);
    let bad = folder.text("bad.jsonl");
    assert_eq!(bad.lines().count() as u64, malformed);
    let refused = "bad.jsonl:1 would be rejected again: malformed";
    folder.refused("dlq replay bad.jsonl --data-dir d", 1, &[refused, "nothing was put back"]);

    let mended = |n: u64| {
        format!(r#"{{"timestamp":1767225600000,"eventType":"CUSTOM","userId":"u{n}"}}"#) + "\n"
    };
    std::fs::write(folder.path("mended.jsonl"), (0..malformed).map(mended).collect::<String>())
        .expect("a file");
    let ran = folder.done("dlq replay mended.jsonl --data-dir d");
    assert_eq!(ran.stderr, format!("{malformed} events were put back into the log\n"));
    // As they are they come back whole, and are what they were.
    folder.done("dlq replay --data-dir d --reason malformed");
    let after = summary();
    let number = |of: &serde_json::Value, key: &str| of[key].as_u64().expect("a number");
    assert_eq!(number(&after, "read"), number(&before, "read") + 2 * malformed);
    assert_eq!(after["deadLetters"]["malformed"], 2 * malformed);

    let old = r#"{"timestamp":1764547200000,"eventType":"PAGE_VIEW","userId":"u0","page":"/"}"#;
    std::fs::write(folder.path("old.jsonl"), old).expect("a file");
    assert!(folder.done("dlq replay old.jsonl --data-dir d").stderr.starts_with("1 events"));
    work_through(&folder, &format!("read {} records", 2 * malformed + 1));
    let ran = folder.done("dlq replay --data-dir d --reason late --to -");
    assert!(ran.stdout.is_empty(), "late events are not put back");
    assert!(ran.stderr.contains("they are late") && ran.stderr.contains("--lateness"));
    let both = "dlq replay bad.jsonl --reason late --data-dir d";
    folder.refused(both, 2, &["--reason", "cannot be used with"]);
}
