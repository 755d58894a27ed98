//! The InfluxDB of the history: what is taken, what is refused, and that its token is not
//! shown.

use super::{only_problem, resolved};
use crate::config::{reference, summary, to_toml};
use std::time::Duration;

const TOKEN: &str = "STREAMGAUGE_INFLUXDB__TOKEN=open-sesame";

fn influxdb(text: &str) -> String {
    format!("store.kind = \"influxdb\"\n[influxdb]\n{text}\n")
}

#[test]
fn an_influxdb_is_there_only_where_the_history_is_kept_in_it() {
    let of = |file: &str| resolved(Some(file), &[TOKEN], &[]).expect("valid").influxdb;
    assert_eq!(of(""), None);
    assert_eq!(of("[influxdb]\nbucket = \"_not checked\""), None);
    let read = of(&influxdb("")).expect("an InfluxDB");
    assert_eq!((read.url.as_str(), read.token.expose()), ("http://127.0.0.1:8086", "open-sesame"));
    assert_eq!((read.org.as_str(), read.bucket.as_str()), ("analytics", "metrics"));
    assert_eq!(read.retention, Duration::from_secs(30 * 86_400));
    assert_eq!(read.timeout, Duration::from_secs(10));
    let other = "url = \"https://influx.example.com:9999/\"\nretention = \"7d\"\n";
    let read = of(&influxdb(other)).expect("an InfluxDB");
    assert_eq!(read.url.origin(), "https://influx.example.com:9999");
    assert_eq!(read.retention, Duration::from_secs(7 * 86_400));
}

#[test]
fn sessions_are_written_where_they_are_asked_for_and_can_be() {
    let with = |kind: &str| format!("[store]\nkind = \"{kind}\"\nsessions = \"tag\"\n");
    let asked = resolved(Some(&with("influxdb")), &[TOKEN], &[]).expect("valid").influxdb;
    assert!(asked.is_some_and(|influxdb| influxdb.has_sessions));
    let usual = resolved(Some(&influxdb("")), &[TOKEN], &[]).expect("valid").influxdb;
    assert!(usual.is_some_and(|influxdb| !influxdb.has_sessions));
    let refused = only_problem(Some(&with("embedded")), &[], &[]);
    for part in ["`store.sessions`", "store.kind", "`none`"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn a_token_is_never_shown() {
    let config = resolved(Some(&influxdb("")), &[TOKEN], &[]).expect("valid");
    for shown in [to_toml(&config), summary(&config), format!("{:?}", config.influxdb)] {
        assert!(!shown.contains("sesame"), "{shown}");
    }
    assert!(
        to_toml(&config).contains(
            "token = \"********\"  # from environment variable STREAMGAUGE_INFLUXDB__TOKEN"
        )
    );
    assert!(summary(&config).ends_with(", history in the bucket metrics of InfluxDB"));
    assert!(reference().contains("`influxdb.token`"));
}

#[test]
fn what_cannot_be_is_refused_with_the_nearest_that_can() {
    let check = |text: &str, expected: &[&str]| {
        let problem = only_problem(Some(&influxdb(text)), &[TOKEN], &[]);
        assert!(expected.iter().all(|part| problem.contains(part)), "{text}: {problem}");
    };
    check("url = \"127.0.0.1:8086\"", &["`influxdb.url`", "`https://127.0.0.1:8086`"]);
    check("url = \"http://a:1/influx\"", &["`influxdb.url`", "`http://a:1`"]);
    check("bucket = \"_metrics\"", &["`influxdb.bucket`", "`metrics`"]);
    check("org = \"\"", &["`influxdb.org`"]);
    check("retention = \"10m\"", &["`influxdb.retention`", "`1h`"]);
    check("bukcet = \"a\"", &["unknown key", "bucket"]);
    let store = only_problem(Some("store.kind = \"influx\""), &[], &[]);
    assert!(store.contains("`influxdb`"), "{store}");
    let unset = only_problem(Some(&influxdb("")), &[], &[]);
    assert!(unset.contains("`influxdb.token`") && unset.contains("INFLUXDB__TOKEN"), "{unset}");
    let refused = |token: &str, part: &str| {
        let variable = format!("STREAMGAUGE_INFLUXDB__TOKEN={token}");
        let problem = only_problem(Some(&influxdb("")), &[&variable], &[]);
        assert!(problem.contains(part) && !problem.contains("sesame"), "{problem}");
    };
    refused("********", "shown in its place");
    refused("open sesame", "neither blanks");
}
