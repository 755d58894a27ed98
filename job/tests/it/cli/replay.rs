//! `replay`: what it writes, and where.

use super::log::{START_MS, log, text, view};
use super::{Folder, lines, objects};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn one_view_gives_what_the_catalogue_says() {
    let folder = Folder::new();
    folder.put("events", &text(&[view("anna", START_MS)]));
    folder.done("replay --from events --to r --alerts a --dead-letters d --final-only");
    let results = folder.text("r");
    let check = |line: &str| {
        assert!(results.lines().any(|found| found == line), "{line} is not in {results}");
    };
    check(
        r#"{"metricType":"PAGE_VIEWS_PER_SECOND","category":"real_time","windowStart":1703116800000,"windowEnd":1703116805000,"dimensions":{},"value":0.2,"count":1,"state":"final"}"#,
    );
    check(
        r#"{"metricType":"ACTIVE_USERS","category":"real_time","windowStart":1703116800000,"windowEnd":1703116805000,"dimensions":{},"value":1,"count":1,"state":"final"}"#,
    );
    check(
        r#"{"metricType":"ACTIVE_USERS_5M","category":"real_time","windowStart":1703117095000,"windowEnd":1703117100000,"dimensions":{},"value":1,"state":"final"}"#,
    );
    check(
        r#"{"metricType":"DEVICES","category":"business","windowStart":1703116800000,"windowEnd":1703116860000,"dimensions":{},"items":[{"name":"(unknown)","views":1,"users":1}],"other":0,"count":1,"state":"final"}"#,
    );
    check(
        r#"{"metricType":"SESSION","category":"session","windowStart":1703116800000,"windowEnd":1703118600000,"dimensions":{"session":"anna","user":"anna"},"userId":"anna","sessionId":"anna","start":1703116800000,"end":1703116800000,"durationMs":0,"pageViews":1,"events":1,"entryPage":"(unknown)","exitPage":"(unknown)","journey":["(unknown)"],"journeyLength":1,"conversions":0,"revenueMinor":{},"bounced":true,"abandoned":{"checkout":false},"endedBy":"gap","device":"(unknown)","country":"(unknown)","state":"final"}"#,
    );
    assert_eq!(folder.get("d"), b"");
    let alerts = objects(&folder.get("a"));
    assert_eq!(alerts.len(), 1);
    // The first half of the SHA-256 of `high_bounce_rate|1|anna|1703116800000`.
    assert_eq!(alerts[0]["alertId"], "add39c6a1e2b676930a672389173c4d8");
    assert_eq!(alerts[0]["windowEnd"], START_MS + 300_000);
    assert_eq!(alerts[0]["epoch"], Value::Null);
}

#[test]
fn outputs_are_the_same_wherever_they_go() {
    let folder = Folder::new();
    folder.put("events", &log(2_000));
    for flags in ["", " --final-only"] {
        let to_file =
            folder.done(&format!("replay --from events --to r --alerts a --dead-letters d{flags}"));
        assert_eq!(to_file.stdout, b"");
        let results = folder.get("r");
        assert!(lines(&results).len() > 5_000);
        let to_stdout = folder.done(&format!("replay --from events --to -{flags}"));
        assert!(to_stdout.stdout == results, "stdout differs from the file");
        let to_nowhere = folder
            .done(&format!("replay --from events --to none --alerts a2 --dead-letters d2{flags}"));
        assert_eq!(to_nowhere.stdout, b"");
        assert!(folder.get("a2") == folder.get("a"), "alerts depend on where results go");
        assert!(folder.get("d2") == folder.get("d"), "dead letters depend on where results go");
    }
}

#[test]
fn outputs_are_written_anew() {
    let folder = Folder::new();
    folder.put("events", b"");
    for name in ["r", "a", "d"] {
        folder.put(name, b"something that was there before\n");
    }
    folder.done("replay --from events --to r --alerts a --dead-letters d");
    for name in ["r", "a", "d"] {
        assert_eq!(folder.get(name), b"", "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_what_it_leads_to_is_written() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    folder.put("events", b"");
    folder.put("there", b"something that was there before\n");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(folder.path("there"), mode).expect("permissions");
    for (name, target) in [("link", "there"), ("new-link", "not-yet")] {
        symlink(target, folder.path(name)).expect("a link");
        folder.done(&format!("replay --from events --to {name}"));
        assert!(folder.path(name).is_symlink(), "{name}");
        assert_eq!(folder.get(target), b"", "{target}");
        assert!(!folder.path(&format!("{target}.partial")).exists(), "{target}");
    }
    let mode = folder.path("there").metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn an_input_is_not_overwritten_under_another_name() {
    let folder = Folder::new();
    folder.put("events", &log(30));
    let events = folder.get("events");
    std::fs::hard_link(folder.path("events"), folder.path("other")).expect("a link");
    folder.refused("replay --from events --to other", 2, &["would overwrite the input events"]);
    folder.put("r.partial", &events);
    folder.refused("replay --from r.partial --to r", 2, &["would overwrite the input r.partial"]);
    assert!(folder.get("other") == events && folder.get("r.partial") == events);
}

#[test]
fn final_only_is_what_remains_of_all_changes() {
    let folder = Folder::new();
    folder.put("events", &log(2_000));
    folder.done("replay --from events --to all --alerts all-alerts --epoch-records 50");
    folder.done(
        "replay --from events --to last --alerts last-alerts --epoch-records 50 --final-only",
    );
    let check = |all: &str,
                 last: &str,
                 key: fn(&Value) -> String,
                 is_fleeting: fn(&str) -> bool| {
        let (all, mut last) = (objects(&folder.get(all)), objects(&folder.get(last)));
        let mut standing = BTreeMap::new();
        for mut line in all {
            let state = line["state"].as_str().expect("a state").to_owned();
            assert!(line["epoch"].is_u64(), "{line}");
            if is_fleeting(&state) {
                continue;
            }
            let fields = line.as_object_mut().expect("an object");
            fields.remove("epoch");
            fields.remove("watermark");
            fields.remove("state");
            let _ = match state.as_str() {
                "retracted" => standing.remove(&key(&line)),
                _ => standing.insert(key(&line), line),
            };
        }
        for line in &mut last {
            let fields = line.as_object_mut().expect("an object");
            let state = fields.remove("state");
            assert!(state == Some("final".into()) || state == Some("firing".into()), "{state:?}");
        }
        let last: BTreeMap<_, _> = last.into_iter().map(|line| (key(&line), line)).collect();
        assert!(last.len() > 50);
        assert!(standing == last, "what remains of all changes is something else");
    };
    check("all", "last", result_key, |state| {
        assert!(["provisional", "final", "corrected", "retracted"].contains(&state), "{state}");
        state == "provisional"
    });
    check(
        "all-alerts",
        "last-alerts",
        |alert| alert["alertId"].to_string(),
        |state| {
            assert!(["firing", "retracted"].contains(&state), "{state}");
            false
        },
    );
    // The log has late records, so all states occur.
    let all = folder.text("all");
    for state in ["provisional", "final", "corrected", "retracted"] {
        assert!(all.contains(&format!("\"state\":\"{state}\"")), "{state}");
    }
}

/// The key of a result; names and values of the log need no escapes.
fn result_key(result: &Value) -> String {
    let metric = result["metricType"].as_str().expect("a type");
    // The end of a session can change.
    let end = if metric == "SESSION" { String::new() } else { result["windowEnd"].to_string() };
    let dimensions = result["dimensions"].as_object().expect("dimensions").iter();
    let dimensions: Vec<_> = dimensions
        .map(|(name, value)| format!("{name}={}", value.as_str().expect("a text")))
        .collect();
    format!("{metric}|{}|{end}|{}", result["windowStart"], dimensions.join(","))
}

fn check_order<K: Ord + std::fmt::Debug>(file: &[u8], at_least: usize, key: impl Fn(&Value) -> K) {
    let keys: Vec<_> = objects(file).iter().map(key).collect();
    assert!(keys.len() >= at_least, "{} lines", keys.len());
    if let Some(pair) = keys.windows(2).find(|pair| pair[0] >= pair[1]) {
        panic!("out of order or twice: {pair:?}");
    }
}

#[test]
fn files_have_their_order() {
    let folder = Folder::new();
    folder.put("events", &log(3_000));
    folder.done(
        "replay --from events --to r --alerts a --dead-letters d --final-only --epoch-records 70",
    );
    check_order(&folder.get("r"), 5_000, result_key);
    check_order(&folder.get("a"), 200, |alert| {
        let field = |name: &str| alert[name].as_str().expect(name).to_owned();
        (field("rule"), alert["windowStart"].as_i64(), field("userId"))
    });
    let place = |letter: &Value| (letter["partition"].as_u64(), letter["offset"].as_u64());
    check_order(&folder.get("d"), 30, place);
    folder.done("replay --from events --to - --dead-letters d --epoch-records 1");
    check_order(&folder.get("d"), 30, place);
}

#[test]
fn a_longer_lateness_takes_what_was_late() {
    let folder = Folder::new();
    folder.put("events", &log(2_000));
    let late = |lateness: &str| {
        folder.done(&format!(
            "replay --from events --to none --dead-letters d --lateness {lateness}"
        ));
        let letters = objects(&folder.get("d"));
        letters.iter().filter(|letter| letter["reason"] == "late").count()
    };
    assert!(late("10m") > 5);
    assert_eq!(late("1d"), 0);
}
