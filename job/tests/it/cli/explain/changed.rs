//! Alerts whose rules stand beside others than when their first events were bound.

use super::*;
use streamgauge::explain::Outcome;

const TIMES: &str = "[time]\nlateness = \"1h\"\n[checkpoint]\nevery = \"1s\"\n";

fn rule(name: &str, within: &str) -> String {
    format!("[[alert]]\nname = \"{name}\"\nfirst = \"/a\"\nthen = \"/b\"\nwithin = \"{within}\"\n")
}

/// Appends ann's view of a page, so many ms after the start.
fn append_view(folder: &Folder, page: &str, after_ms: i64) {
    let at_ms = START_MS + after_ms;
    let clock = Arc::new(ManualClock::new(at_ms));
    let retention = Retention { age_ms: i64::MAX, ..Retention::default() };
    let log = EmbeddedLog::open(&folder.path("d"), PARTITIONS, retention, Sync::Normal, clock);
    let line = format!(
        r#"{{"timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"ann","pageViewData":{{"url":"{page}"}}}}"#
    );
    append(&log.unwrap(), &[line.as_bytes()]);
}

#[test]
fn an_alert_agrees_whatever_rules_came_beside_its_own() {
    let folder = Folder::new();
    let site = Site::open(&folder);
    append_view(&folder, "/a", 0);
    let works = |rules: &str, is_done: &dyn Fn() -> bool| {
        folder.put("streamgauge.toml", format!("{TIMES}{rules}").as_bytes());
        let job = started(&folder, "job --data-dir d --workers 1");
        let until = Instant::now() + Duration::from_secs(60);
        while !is_done() && Instant::now() < until {
            thread::sleep(Duration::from_millis(200));
        }
        signal(job.id(), "TERM");
        let ran = ended(job, "job");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    };
    works(&rule("old", "1h"), &|| bound(&site) == 1);
    append_view(&folder, "/b", 60_000);
    let alerts = || -> Vec<String> {
        let is_it = |line: &str| line.contains("\"rule\":\"old\"");
        let all = published(&site).into_iter();
        let all = all.filter(|(_, (_, line))| line.as_deref().is_some_and(is_it));
        all.map(|(key, _)| key).collect()
    };
    let rules = [rule("before", "10m"), rule("old", "1h"), rule("then", "3h")].concat();
    works(&rules, &|| !alerts().is_empty());
    let found = explain(&site, &alerts(), 9).pop().expect("an alert");
    assert_eq!(found.outcome, Outcome::Agrees, "{}", found.json());
    assert_eq!(found.records.get("counted"), Some(&2), "{}", found.json());
    assert_eq!(found.window_end, START_MS + 60_000);
}
