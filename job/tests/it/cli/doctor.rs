//! `doctor` and the connections of `check`: what is found, and what is said to do.

use super::{Folder, ended, objects, signal};
use serde_json::Value;

/// The findings about something.
fn about<'a>(findings: &'a [Value], what: &str) -> Vec<&'a Value> {
    findings.iter().filter(|finding| finding["about"] == what).collect()
}

#[test]
fn nothing_has_run_yet_is_no_problem() {
    let folder = Folder::new();
    let ran = folder.done("doctor");
    let text = String::from_utf8(ran.stdout).expect("text");
    for part in
        ["ok      configuration: ", "ok      program: streamgauge ", "MB are free for data/site"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("note    data directory: data/site is not there"), "{text}");
    assert!(text.contains("\n        -> name the right one with --data-dir"), "{text}");
    assert!(!folder.path("data").exists(), "it makes nothing");
    // A directory that was named and is not there is one.
    let ran = folder.run("doctor --data-dir none");
    let text = String::from_utf8(ran.stdout).expect("text");
    assert!(text.contains("PROBLEM data directory: none is not there"), "{text}");
    assert_eq!(ran.code, Some(1));
}

#[test]
fn what_looks_takes_the_directory_that_is_there() {
    let folder = Folder::new();
    let looks = ["dlq list", "replay --from log --to none", "explain SESSION|0||session=s,user=u"];
    let none = looks.map(|line| folder.run(line).stderr);
    assert!(none.iter().all(|said| said.contains("no data directory data/site")), "{none:?}");
    folder.done("simulate --to log --data-dir data/demo --events 10");
    let ran = folder.run("doctor");
    let text = String::from_utf8(ran.stdout).expect("text");
    assert!(text.contains("ok      data directory: data/demo\n"), "{text}");
    assert!(text.contains("`streamgauge job --data-dir data/demo`"), "{text}");
    assert_eq!(
        String::from_utf8(folder.done("dlq list").stdout).unwrap(),
        "no event was rejected\n"
    );
    folder.done("simulate --to log --events 10");
    let both = &["data/site and data/demo are both here", "--data-dir"];
    for line in ["dlq list", "doctor", "checkpoint list", "replay --from log --to none"] {
        folder.refused(line, 1, both);
    }
    folder.done("dlq list --data-dir data/site");
}

#[test]
fn a_job_that_is_gone_is_a_problem_with_an_advice() {
    let folder = Folder::new();
    let simulate =
        "simulate --to log --data-dir d --events 2000 --rate max --start 2026-01-01T00:00:00Z";
    folder.done(simulate);
    let ran = folder.run("doctor --data-dir d --json");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("findings are problems"), "{}", ran.stderr);
    let findings = objects(&ran.stdout);
    let job = about(&findings, "job");
    assert_eq!(job[0]["level"], "problem", "{findings:?}");
    assert!(job[0]["todo"].as_str().expect("an advice").contains("`streamgauge job --data-dir d`"));
    let events = about(&findings, "events");
    assert_eq!(events[0]["level"], "ok", "{events:?}");
    for finding in &findings {
        let is_fine = matches!(finding["level"].as_str(), Some("ok" | "note"));
        assert!(is_fine || finding["todo"].is_string(), "what to do about it: {finding}");
    }
}

#[test]
fn a_kafka_that_is_not_there_is_said_by_doctor_and_check() {
    let folder = Folder::new();
    let kafka = "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"127.0.0.1:1\"\n";
    folder.put("streamgauge.toml", kafka.as_bytes());
    for line in ["doctor", "check"] {
        let ran = folder.run(line);
        assert_eq!(ran.code, Some(1), "{line}: {}", ran.stderr);
        let text = String::from_utf8(ran.stdout).expect("text");
        assert!(text.contains("PROBLEM kafka: cannot reach Kafka at 127.0.0.1:1: "), "{text}");
        assert!(text.contains("deploy/dev/kafka.sh start"), "{line}: {text}");
    }
}

#[test]
fn while_a_kafka_is_silent_that_is_said_once_and_at_last_what_to_do() {
    const SILENT: &str = "waiting for an answer of Kafka at 127.0.0.1:1\n";
    let folder = Folder::new();
    let kafka = "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"127.0.0.1:1\"\n";
    folder.put("streamgauge.toml", kafka.as_bytes());
    let started = |line: &str| folder.command(line).spawn().expect("started");
    let job = started("job --data-dir d");
    let lines = ["topics create", "dlq list", "simulate --to log --events 5"];
    for (line, child) in lines.map(|line| (line, started(line))) {
        let ran = ended(child, line);
        assert_eq!(ran.code, Some(1), "{line}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(SILENT), "{line}: {}", ran.stderr);
        assert!(ran.stderr.ends_with("`streamgauge doctor` looks further\n"), "{}", ran.stderr);
    }
    signal(job.id(), "TERM");
    let said = ended(job, "job").stderr;
    assert_eq!(said.matches(SILENT).count(), 1, "{said}");
    assert_eq!(said.matches("waiting for it, Ctrl-C ends that").count(), 1, "{said}");
}
