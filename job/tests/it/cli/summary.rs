//! `replay --summary json`: the last line of stderr, complete.

use super::log::{START_MS, log, text, view};
use super::{Folder, Ran, digest::digest, lines, objects};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The fields in their order.
const FIELDS: [&str; 16] = [
    "read",
    "accepted",
    "deadLetters",
    "partlyLate",
    "late",
    "duplicates",
    "unknownTypes",
    "bots",
    "badLeaves",
    "results",
    "alerts",
    "jumps",
    "settings",
    "digest",
    "wallSeconds",
    "cpuSeconds",
];
const REASONS: [&str; 9] = [
    "empty",
    "oversize",
    "not_utf8",
    "malformed",
    "wrong_type",
    "missing_field",
    "bad_value",
    "future",
    "late",
];
const FAMILIES: [&str; 4] = ["real_time", "business", "alerts", "session"];
const METRICS: [&str; 19] = [
    "PAGE_VIEWS_PER_SECOND",
    "ACTIVE_USERS",
    "ACTIVE_USERS_5M",
    "BOUNCE_RATE",
    "AVERAGE_SESSION_DURATION",
    "CONVERSION_RATE",
    "REVENUE_PER_USER",
    "POPULAR_CONTENT",
    "GEO_DISTRIBUTION",
    "DEVICES",
    "BROWSERS",
    "OS",
    "REFERRERS",
    "PAGE_LOAD_TIME",
    "SESSION",
    "JOURNEYS",
    "FUNNEL",
    "BEHAVIOUR",
    "ABANDONMENT_RATE",
];

pub(super) fn summary(ran: &Ran) -> Value {
    assert!(ran.stderr.ends_with("}\n"), "{}", ran.stderr);
    let last = ran.stderr.lines().last().expect("a line");
    serde_json::from_str(last).expect("JSON")
}

/// Whether the object has just these fields, all of them counts.
fn check_counts(summary: &Value, field: &str, names: &[&str]) {
    let map = summary[field].as_object().expect(field);
    for name in names {
        assert!(map.get(*name).is_some_and(Value::is_u64), "{field} lacks {name}: {map:?}");
    }
    assert_eq!(map.len(), names.len(), "{field} has others: {map:?}");
}

#[test]
fn all_is_there_in_its_order() {
    let folder = Folder::new();
    folder.put("empty", b"");
    let ran = folder.done("replay --from empty --to none --summary json");
    let summary = summary(&ran);
    check_counts(&summary, "deadLetters", &REASONS);
    check_counts(&summary, "late", &FAMILIES);
    let mut rest = ran.stderr.lines().last().expect("a line");
    for field in FIELDS {
        let name = format!("\"{field}\":");
        (_, rest) =
            rest.split_once(&name).unwrap_or_else(|| panic!("{field} is missing or out of order"));
    }
    assert_eq!(summary.as_object().expect("an object").len(), FIELDS.len());
    for seconds in ["wallSeconds", "cpuSeconds"] {
        assert!(summary[seconds].is_number(), "{seconds}");
    }
}

#[test]
fn results_have_all_types() {
    let folder = Folder::new();
    folder.put("empty", b"");
    check_counts(
        &summary(&folder.done("replay --from empty --to none --summary json")),
        "results",
        &METRICS,
    );
}

#[test]
fn counts_are_those_of_the_files() {
    let folder = Folder::new();
    folder.put("events", &log(3_000));
    let ran = folder.done(
        "replay --from events --to r --alerts a --dead-letters d --final-only --summary json",
    );
    let summary = summary(&ran);
    let count = |value: &Value| value.as_u64().expect("a count");
    let total =
        |field: &str| -> u64 { summary[field].as_object().expect(field).values().map(count).sum() };
    assert_eq!(summary["read"], 3_000);
    let rejected = total("deadLetters");
    assert_eq!(count(&summary["accepted"]) + rejected + count(&summary["duplicates"]), 3_000);
    let mut types: BTreeMap<String, u64> = BTreeMap::new();
    for result in objects(&folder.get("r")) {
        *types.entry(result["metricType"].as_str().expect("a type").to_owned()).or_default() += 1;
    }
    for (metric, found) in summary["results"].as_object().expect("a map") {
        assert_eq!(count(found), types.remove(metric).unwrap_or(0), "{metric}");
    }
    assert_eq!(types, BTreeMap::new(), "results of types that the summary does not have");
    assert_eq!(summary["alerts"], lines(&folder.get("a")).len());
    check_letters(&summary, &objects(&folder.get("d")));
    assert_eq!(summary["digest"], digest(&[&folder.get("r"), &folder.get("a")]));
    for field in ["unknownTypes", "partlyLate"] {
        assert!(count(&summary[field]) > 0, "{field}: the log has some");
    }
}

fn check_letters(summary: &Value, letters: &[Value]) {
    let all = FAMILIES.len();
    let families = |letter: &Value| letter["families"].as_array().map_or(0, Vec::len);
    let number =
        |keep: &dyn Fn(&Value) -> bool| letters.iter().filter(|letter| keep(letter)).count();
    for reason in REASONS {
        let rejected =
            |letter: &Value| letter["reason"] == reason && [0, all].contains(&families(letter));
        assert_eq!(summary["deadLetters"][reason], number(&rejected), "{reason}");
    }
    assert_eq!(summary["partlyLate"], number(&|letter| (1..all).contains(&families(letter))));
    for family in FAMILIES {
        let missed = |letter: &Value| {
            letter["families"].as_array().is_some_and(|families| families.contains(&family.into()))
        };
        assert_eq!(summary["late"][family], number(&missed), "{family}");
    }
}

#[test]
fn what_is_written_does_not_change_what_is_counted() {
    let folder = Folder::new();
    folder.put("events", &log(1_000));
    let run = |flags: &str| {
        let ran = folder.done(&format!("replay --from events --summary json {flags}"));
        let mut summary = summary(&ran);
        let fields = summary.as_object_mut().expect("an object");
        fields.retain(|name, _| !name.ends_with("Seconds"));
        summary
    };
    let expected = run("--to r --alerts a --dead-letters d --final-only");
    assert_ne!(expected["digest"], "0".repeat(64));
    for flags in [
        "--to none",
        "--to none --final-only",
        "--to r",
        "--to - --alerts a",
        "--to none --dead-letters d",
    ] {
        assert_eq!(run(flags), expected, "{flags}");
    }
}

#[test]
fn the_closing_text_says_what_to_do_next() {
    let folder = Folder::new();
    folder.put("events", &log(2_000));
    folder.put("good", &text(&[view("u", START_MS)]));
    let letters = "--dead-letters FILE shows them";
    let late = "a larger --lateness takes late ones";
    let check = |line: &str, expected: &[&str], unwanted: &[&str]| {
        let said = folder.done(line).stderr;
        assert!(expected.iter().all(|part| said.contains(part)), "{line}: {said}");
        assert!(!unwanted.iter().any(|part| said.contains(part)), "{line}: {said}");
    };
    // So few say nothing about speed.
    check("replay --from good --to none", &["read 1 records in "], &[letters, late, "a second"]);
    check("replay --from events --to none", &[letters, late], &["a second"]);
    check("replay --from events --to none --dead-letters d", &[late], &[letters]);
    check("replay --from events --to none --lateness 1d", &[letters], &[late]);
    let many = "events events events";
    check(&format!("replay --from {many} --to none"), &[" a second, "], &[]);
}

#[test]
fn settings_that_are_not_given_have_their_defaults() {
    let folder = Folder::new();
    folder.put("empty", b"");
    let summary = summary(&folder.done("replay --from empty --to none --summary json"));
    let mut settings = summary["settings"].clone();
    let fields = settings.as_object_mut().expect("an object");
    fields.remove("alerts").expect("the rules");
    let bots = fields.remove("bots").expect("what is done with bots");
    assert_eq!(bots["mode"], "include");
    assert_eq!(
        settings,
        json!({
            "partitions": 12,
            "allowedDisorderMs": 5_000,
            "latenessMs": 600_000,
            "sessionGapMs": 1_800_000,
            "dedup": "off",
            "maxBytes": 1_048_576,
            "funnels": [{
                "name": "checkout",
                "steps": ["/products/*", "/cart", "/checkout", "CONVERSION"],
                "strict": false,
                "abandonmentStep": 2,
            }],
        })
    );
}

#[test]
fn jumps_and_settings_are_named() {
    let folder = Folder::new();
    let lines =
        [view("u", START_MS), view("u", START_MS + 172_800_000), view("u", START_MS + 86_400_000)];
    folder.put("events", &text(&lines));
    folder.put(
        "f.toml",
        b"[[funnel]]\nname = \"buy\"\nsteps = [\"/a*\", \"CONVERSION\"]\nstrict = true\nabandonment_step = 1\n",
    );
    let line = "replay --from events --to none --summary json --config f.toml --partitions 1 --lateness 1m \
                --allowed-disorder 2s --session-gap 20m --dedup on --bots exclude";
    let summary = summary(&folder.done(line));
    assert_eq!(summary["jumps"], json!([{"partition": 0, "offset": 1, "ms": 172_800_000}]));
    let settings = &summary["settings"];
    let check = |field: &str, expected: Value| assert_eq!(settings[field], expected, "{field}");
    check("partitions", json!(1));
    check("allowedDisorderMs", json!(2_000));
    check("latenessMs", json!(60_000));
    check("sessionGapMs", json!(1_200_000));
    check("dedup", json!("on"));
    check("maxBytes", json!(1_048_576));
    check(
        "funnels",
        json!([{"name": "buy", "steps": ["/a*", "CONVERSION"], "strict": true, "abandonmentStep": 1}]),
    );
    assert_eq!(settings["bots"]["mode"], "exclude");
    let patterns = settings["bots"]["patterns"].as_str().expect("a text");
    assert_eq!(patterns.split(' ').count(), 2, "a name and a version: {patterns}");
    assert!(settings["alerts"].is_array());
}
