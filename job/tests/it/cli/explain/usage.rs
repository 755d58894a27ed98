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
    let answer = get(&alert(&site, "BUSY"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""outcome":"agrees""#) && answer.contains(r#""windows":["#));
    let answer = get("DAY_PAGES|0|86400000|");
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("is no day of"), "{answer}");
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
    folder.put("events", &with_campaigns(log(1_500)));
    folder.put("streamgauge.toml", format!("{SETTINGS}{RULES}").as_bytes());
    let flags = "--dedup on --session-gap 3m --lateness 5m";
    folder.done(&format!(
        "replay --from events --to results --alerts alerts --final-only --days {flags}"
    ));
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
    assert_eq!(kinds.len(), 18 + 14, "{:?}", kinds.keys());
    for line in folder.text("alerts").lines() {
        let alert: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| alert[name].as_str().unwrap().to_owned();
        kinds.insert(text("alertType"), (text("alertId"), line.to_owned()));
    }
    assert_eq!(kinds.len(), 18 + 14 + 1 + 9, "{:?}", kinds.keys());
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

/// The id of an alert of this type that fires.
fn alert(site: &Site, name: &str) -> String {
    let is_it = |line: &Option<String>| {
        let line = line.as_deref().unwrap_or_default();
        line.contains(&format!("\"alertType\":\"{name}\"")) && line.contains("firing")
    };
    let mut all = published(site).into_iter();
    all.find(|(_, (_, line))| is_it(line)).map(|(key, _)| key).expect(name)
}

#[test]
fn alerts_of_rules_name_their_steps_and_windows() {
    let (folder, site) = worked(1_200);
    let (code, said, error) = run(&folder, &alert(&site, "BOUGHT"), "--data-dir d");
    assert_eq!(code, Some(0), "{error}");
    for part in [
        "agrees with the log: {\"alertId\":",
        "note: its rule is bought: /cart, and CONVERSION within 10m",
        "  first step: page view of /cart",
        " s after the first: conversion ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, said, error) = run(&folder, &alert(&site, "BUSY"), "--data-dir d");
    assert_eq!(code, Some(0), "{error}");
    for part in [
        "note: its rule is busy: ACTIVE_USERS above 2 in 2 windows in a row",
        "made of 2 windows, each a result of its own; ",
        "the row begins after it",
        "  2: beyond the limit",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A window of the row is explained itself.
    let window = said.lines().find(|line| line.contains("  1: beyond")).unwrap();
    let key = window.split("  ").next().unwrap();
    let (code, said, error) = run(&folder, key, "--data-dir d");
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("agrees with the log: {\"metricType\":\"ACTIVE_USERS\""), "{said}");
    let (_, said, _) = run(&folder, &alert(&site, "RICH"), "--data-dir d --json");
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&found["type"], &found["outcome"]), (&"RICH".into(), &"agrees".into()), "{said}");
    let windows = found["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 3);
    for field in ["key", "windowStart", "windowEnd", "value", "beyond", "place"] {
        assert!(!windows[2][field].is_null(), "{field}: {said}");
    }
}

#[test]
fn days_are_those_of_the_site() {
    let folder = Folder::new();
    folder.put("events", &log(300));
    let check = |key: &str, code: i32, parts: &[&str]| {
        let (found, said, error) = run(&folder, key, "--from events --limit 50");
        assert_eq!(found, Some(code), "{key}: {error}");
        let said = said + &error;
        parts.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
    };
    let (start, end) = (START_MS, START_MS + 86_400_000);
    let views = format!("DAY_PAGE_VIEWS|{start}|{end}|");
    check(&views, 0, &["computed: {\"metricType\":\"DAY_PAGE_VIEWS\"", "distinct users"]);
    check(&format!("DAY_HOURS|{start}|{end}|"), 0, &["page view of /cart, in hour 0"]);
    let right = format!("the day that holds {} is {start}|{end}", start + 1);
    check(
        &format!("DAY_HOURS|{}|{}|", start + 1, end + 1),
        1,
        &["is no day of UTC (`site.time_zone`)", &right],
    );
    folder.put("streamgauge.toml", b"[site]\ntime_zone = \"Atlantic/Cape_Verde\"\n");
    check(&views, 1, &["is no day of Atlantic/Cape_Verde"]);
    check(&format!("DAY_SESSIONS|{}|{}|", start + 3_600_000, end + 3_600_000), 1, &["no result"]);
    folder.put("streamgauge.toml", b"[site]\ndays = \"off\"\n");
    check(&views, 1, &["there is no result under this key", "switched off (`site.days`)"]);
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
    check("DAY_PAGES|0|60000|", "", 2, "windows of one day");
    check("DEVICES|0|60000|", "--data-dir nowhere", 1, "--data-dir");
    check("DEVICES|0|60000|", "--from x --data-dir d", 2, "cannot be used with");
    folder.put("events", b"{}\n");
    let ran = folder.command("explain DEVICES|0|60000| --from events").output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("there is no result"));
}
