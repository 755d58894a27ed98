//! The command, as users run it: over a directory with other settings, over files, and
//! over a gateway.

use super::*;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The exit code, stdout and stderr of `explain KEY` with more arguments.
fn run(folder: &Folder, key: &str, more: &str) -> (Option<i32>, String, String) {
    let ran = folder.command(&format!("explain {more}")).arg(key).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

#[test]
fn a_directory_is_explained_as_it_was_bound() {
    let (folder, site) = worked(1_200);
    let all = published(&site);
    let views = all.keys().find(|key| key.starts_with("PAGE_VIEWS_PER_SECOND|")).unwrap();
    folder.put("other.toml", b"[time]\nlateness = \"1m\"\n");
    let (code, said, error) = run(&folder, views, "--data-dir d --config other.toml --json");
    assert_eq!(code, Some(0), "{error}");
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(found["outcome"], "agrees");
    assert_eq!(found["published"]["record"]["metricType"], "PAGE_VIEWS_PER_SECOND");
    let notes = found["notes"].to_string();
    assert!(notes.contains("time.lateness: 600000 is now 60000"), "{notes}");
    let first = &found["listed"][0];
    for field in ["partition", "offset", "timestamp", "eventType", "user", "verdict", "reason"] {
        assert!(!first[field].is_null(), "{field}: {found}");
    }
    assert!(!said.contains("ipAddress"), "{said}");
    let session = all.keys().find(|key| key.starts_with("SESSION|")).unwrap();
    let (code, said, error) = run(&folder, session, "--data-dir d --limit 1");
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("agrees with the log: {\"metricType\":\"SESSION\""), "{said}");
    assert!(said.contains("partition  offset  time"), "{said}");
    // Over the gateway, while nobody works.
    let line = "gateway --data-dir d --listen 127.0.0.1:0";
    let mut gateway = folder.command(line).spawn().unwrap();
    let mut stderr = BufReader::new(gateway.stderr.take().unwrap());
    let mut at = String::new();
    stderr.read_line(&mut at).unwrap();
    let address = at.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let get = |key: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let key = key.replace('|', "%7C");
        let path = format!("/api/v1/explain?key={key}&limit=3");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = get(views);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""outcome":"agrees""#), "{answer}");
    let answer = get("PAGE_VIEW_PER_SECOND|0|5000|");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("did you mean"), "{answer}");
    let answer = get("PAGE_VIEWS_PER_SECOND|0|5000|");
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("near it"), "{answer}");
    signal(gateway.id(), "TERM");
    assert!(gateway.wait().unwrap().success());
}

#[test]
fn files_are_explained_by_what_a_replay_of_them_gives() {
    let folder = Folder::new();
    folder.put("events", &log(1_500));
    let flags = "--dedup on --session-gap 3m --lateness 5m";
    folder.done(&format!("replay --from events --to results --alerts alerts --final-only {flags}"));
    let mut kinds = BTreeMap::new();
    for line in folder.text("results").lines().filter(|line| !line.contains("REVENUE")) {
        let record: Value = serde_json::from_str(line).unwrap();
        let kind = record["metricType"].as_str().unwrap().to_owned();
        let dimensions = record["dimensions"].as_object().unwrap();
        let pairs = dimensions.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap()));
        let pairs = pairs.collect::<Vec<_>>().join(",");
        let end = if kind == "SESSION" { String::new() } else { record["windowEnd"].to_string() };
        let key = format!("{kind}|{}|{end}|{pairs}", record["windowStart"]);
        kinds.insert(kind, (key, line.to_owned()));
    }
    assert_eq!(kinds.len(), 18, "{:?}", kinds.keys());
    let last = folder.text("alerts").lines().last().unwrap().to_owned();
    let alert: Value = serde_json::from_str(&last).unwrap();
    kinds.insert("alert".into(), (alert["alertId"].as_str().unwrap().to_owned(), last));
    for (key, line) in kinds.values() {
        let mut command = folder.command("explain");
        command.arg(key).args(["--json", "--from", "events"]).args(flags.split(' '));
        let ran = command.output().unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(ran.status.code(), Some(0), "{key}: {said}");
        let found: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(found["outcome"], "computed");
        let computed = found["computed"].as_object().unwrap();
        let record: Value = serde_json::from_str(line).unwrap();
        for (name, value) in record.as_object().unwrap().iter().filter(|(name, _)| *name != "state")
        {
            assert_eq!(computed.get(name), Some(value), "{name} of {key}");
        }
    }
}

#[test]
fn wrong_keys_are_refused_with_what_is_meant() {
    let folder = Folder::new();
    let check = |key: &str, more: &str, code: i32, part: &str| {
        let (found, _, error) = run(&folder, key, more);
        assert_eq!(found, Some(code), "{key}: {error}");
        assert!(error.contains(part), "{key}: {error}");
    };
    check("DEVICE|0|60000|", "", 2, "did you mean DEVICES?");
    check("DEVICES|0|5000|", "", 2, "windows of 60 s");
    check("DEVICES|0|60000|", "--data-dir nowhere", 1, "--data-dir");
    check("DEVICES|0|60000|", "--from x --data-dir d", 2, "cannot be used with");
    folder.put("events", b"{}\n");
    let ran = folder.command("explain DEVICES|0|60000| --from events").output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("there is no result"));
}
