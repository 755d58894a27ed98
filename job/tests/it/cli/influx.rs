//! InfluxDB as the history, as users have it: one that is away is a backlog and no more, and
//! its token is nowhere to be seen.

use super::durable::{Site, started, store};
use super::{Folder, ended, signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::secret::Secret;
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::dead_letters::refused_point;
use streamgauge_sink::results::{EmbeddedResults, Position, Record, ResultLog, Topic};
use streamgauge_sink::store::{InfluxHistory, InfluxSettings};
use streamgauge_sink::webhook::Url;

const TOKEN: &str = "open-sesame-4711";

/// A real InfluxDB, and a bucket that nobody has used.
pub(super) fn settings() -> InfluxSettings {
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: see CONTRIBUTING.md"))
    };
    settings_of(&variable("STREAMGAUGE_INFLUXDB"), &variable("STREAMGAUGE_INFLUXDB_TOKEN"))
}

/// A bucket that nobody has used, of this InfluxDB.
pub(super) fn settings_of(url: &str, token: &str) -> InfluxSettings {
    let bucket = tempfile::tempdir().unwrap().path().file_name().unwrap().to_owned();
    InfluxSettings {
        url: Url::parse(url).unwrap(),
        token: Secret::new(token),
        org: "analytics".into(),
        bucket: format!("test{}", bucket.to_string_lossy()),
        retention: Duration::from_secs(30 * 86_400),
        timeout: Duration::from_secs(30),
        has_sessions: false,
    }
}

/// The sections of a configuration that has the history there.
pub(super) fn toml(settings: &InfluxSettings) -> String {
    format!(
        "[store]\nkind = \"influxdb\"\n[influxdb]\nurl = \"{}\"\ntoken = \"{}\"\nbucket = \"{}\"\n",
        settings.url.as_str(),
        settings.token.expose(),
        settings.bucket
    )
}

/// A run that was started, its address, and what it has said so far.
fn run(folder: &Folder) -> (Child, String, String) {
    let line = "run --rate 300 --data-dir d --listen 127.0.0.1:0";
    let mut child = folder.command(line).spawn().expect(line);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut greeting = String::new();
    stderr.read_line(&mut greeting).expect(line);
    let address = greeting.split("http://").nth(1).expect("an address");
    let address = address.split(',').next().expect("an address").to_owned();
    child.stderr = Some(stderr.into_inner());
    (child, address, greeting)
}

/// What is answered to a GET.
pub(super) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a gateway");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Waits until the answer to a GET has this, a minute at most.
pub(super) fn until(address: &str, path: &str, part: &str) -> String {
    until_within(Duration::from_secs(60), address, path, part)
}

/// The same, so long at most.
pub(super) fn until_within(at_most: Duration, address: &str, path: &str, part: &str) -> String {
    let end = Instant::now() + at_most;
    loop {
        let answer = get(address, path);
        if answer.contains(part) {
            return answer;
        }
        assert!(Instant::now() < end, "{part} is not in {answer}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn one_that_is_away_touches_nothing_else_and_the_token_is_nowhere() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("a port");
    drop(listener);
    let toml = format!(
        "[store]\nkind = \"influxdb\"\n[influxdb]\nurl = \"http://{nobody}\"\ntoken = \"{TOKEN}\"\n"
    );
    folder.put("streamgauge.toml", toml.as_bytes());
    let config = folder.done("config");
    let shown = String::from_utf8(config.stdout).expect("text");
    assert!(shown.contains("token = \"********\"") && !shown.contains(TOKEN), "{shown}");
    let check = folder.refused("check", 1, &["1 of 1 findings are problems"]);
    assert!(String::from_utf8_lossy(&check.stdout).contains("PROBLEM history: "));
    assert!(
        !String::from_utf8_lossy(&check.stdout).contains(TOKEN) && !check.stderr.contains(TOKEN)
    );

    let (child, address, greeting) = run(&folder);
    let ready = until(&address, "/readyz", "InfluxDB is not written");
    let live = until(&address, "/readyz", "live: the job keeps up");
    assert!(live.starts_with("HTTP/1.1 200"), "it is as ready as without: {live}");
    let metrics = until(&address, "/metrics", "streamgauge_store_up 0");
    let history = get(&address, "/api/v1/history?metrics=activeUsers");
    assert!(history.starts_with("HTTP/1.1 503"), "{history}");
    let page = get(&address, "/");
    signal(child.id(), "TERM");
    let ran = ended(child, "run");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("is not written") && ran.stderr.contains(" 0 rejected"));
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    for text in [&greeting, &ran.stderr, &said, &ready, &live, &metrics, &history, &page] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn points_that_were_refused_are_listed_and_shown() {
    let folder = Folder::new();
    folder.done("simulate --to log --data-dir d --events 10");
    let clock = std::sync::Arc::new(ManualClock::new(1_703_123_460_000));
    let results = EmbeddedResults::open(&folder.path("d"), Sync::Normal, clock).expect("results");
    let letter = refused_point(b"devices value=1 5", "field type conflict", 7);
    results.append(&[letter]).expect("appended");
    let text = |line: &str| String::from_utf8(folder.done(line).stdout).expect("text");
    let list = text("dlq list --data-dir d");
    let expected = "refused_point          -          1  2023-12-21T01:51:00.000Z\n";
    assert!(list.contains(expected) && list.contains("cannot be replayed"), "{list}");
    let shown = text("dlq show --data-dir d --reason refused_point");
    assert!(shown.contains(r#""detail":"field type conflict""#), "{shown}");
}

/// A shop whose events come so far out of order that most results are corrected; what is
/// left when it ends is written by a gateway.
#[test]
#[ignore = "needs an InfluxDB"]
fn a_shop_over_influxdb_is_seen_in_the_history_to_the_last_value() {
    let folder = Folder::new();
    let settings = settings();
    let disorder = "[time]\nallowed_disorder = \"100ms\"\n[simulator]\ndisorder = \"6s\"\n";
    folder.put("streamgauge.toml", format!("{disorder}{}", toml(&settings)).as_bytes());
    let (mut child, address, _) = run(&folder);
    // Its numbers are read, so that it can go on.
    let mut stdout = child.stdout.take().expect("a pipe");
    let numbers = thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
    let history = until(&address, "/api/v1/history?metrics=activeUsers", ".000Z\",");
    assert!(history.starts_with("HTTP/1.1 200"), "{history}");
    until(&address, "/readyz", "InfluxDB has all results");
    until(&address, "/metrics", "streamgauge_store_up 1");
    thread::sleep(Duration::from_secs(20));
    signal(child.id(), "TERM");
    numbers.join().expect("no panic").expect("whole output");
    let ran = ended(child, "run");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let site = Site::open(&folder);
    let corrected = |record: &Record| {
        let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
        value.contains(r#""state":"corrected""#)
    };
    let (records, _) = site.records(&[Topic::ProcessedMetrics], Position::default());
    let count = records.iter().filter(|record| corrected(record)).count();
    println!("{count} of {} records are corrections", records.len());
    assert!(count > 50);
    let line = "gateway --data-dir d --listen 127.0.0.1:0";
    let gateway = started(&folder, line);
    store::check(&InfluxHistory::new(&settings).expect("a client"), &site);
    signal(gateway.id(), "TERM");
    assert_eq!(ended(gateway, line).code, Some(0));
}
